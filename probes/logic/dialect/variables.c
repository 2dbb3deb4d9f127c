/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server variables, roles and hosts out of answers; a variable that is not told stays empty or
 * unknown.
 */
#include "variables.h"

#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void take_id(char *to, const char *value)
{
	char id[PEL_NAME_MAX];

	if (pel_name_is_label(value) && pel_name_normalise(value, id) == 0)
		strcpy(to, id);
}

/* A uuid is compared, shown and hashed, nothing else: only its length and its bytes matter. */
static void take_uuid(char *to, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= EVIDENCE_UUID_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		if (value[i] <= ' ' || value[i] > '~')
			return;
	}
	memcpy(to, value, n + 1);
}

static void take_text(char *to, size_t size, const char *value)
{
	size_t n = strlen(value);

	if (n < size)
		memcpy(to, value, n + 1);
}

static void take_variable(struct dialect_variables *v, const char *name, const char *value)
{
	if (strcasecmp(name, "aurora_server_id") == 0)
		take_id(v->aurora_server_id, value);
	else if (strcasecmp(name, "server_uuid") == 0)
		take_uuid(v->uuid, value);
	else if (strcasecmp(name, "group_replication_group_name") == 0)
		v->is_group = *value != '\0';
	else if (strcasecmp(name, "wsrep_on") == 0)
		v->is_galera = strcasecmp(value, "ON") == 0;
	else if (strcasecmp(name, "wsrep_provider") == 0)
		v->is_provided = *value && strcasecmp(value, "none") != 0;
	else if (strcasecmp(name, "report_host") == 0)
		v->is_reported = *value != '\0';
	else if (strcasecmp(name, "basedir") == 0)
		v->is_rds = strncmp(value, "/rdsdbbin/", strlen("/rdsdbbin/")) == 0;
	else if (strcasecmp(name, "group_role") == 0)
		take_text(v->group_role, sizeof(v->group_role), value);
	else if (strcasecmp(name, "group_view") == 0)
		take_text(v->group_view, sizeof(v->group_view), value);
	else if (strcasecmp(name, "innodb_read_only") == 0)
		v->innodb_read_only = pel_rows_role(value);
	else if (strcasecmp(name, "read_only") == 0)
		v->read_only = pel_rows_role(value);
}

int dialect_read_variables(const struct pel_cells *cells, struct dialect_variables *ret)
{
	const char *const *row;
	int r = -ENODATA;

	if (cells->n_columns != 2)
		return -EPROTO;
	*ret = (struct dialect_variables){0};
	while ((row = cells->next(cells->context))) {
		if (row[0] && row[1])
			take_variable(ret, row[0], row[1]);
		r = 0;
	}
	return r;
}

/* A server that is in no view has none. */
static struct evidence_term read_view(const char *text)
{
	struct evidence_term none = {0}, term;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return none;
	term.era = strtoull(text, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9')
		return none;
	term.count = strtoull(end + 1, &end, 10);
	return *end ? none : term;
}

int dialect_take_group(const char *role, const char *view, struct evidence *e)
{
	static const struct {
		enum pel_role role;
		bool of_many, stopped, refuses;
	} roles[] = {
		{PEL_ROLE_WRITER, false, false, false},
		{PEL_ROLE_READER, false, false, false},
		{PEL_ROLE_READER, false, true, false},
		{PEL_ROLE_WRITER, true, false, false},
		{PEL_ROLE_WRITER, true, true, false},
		{PEL_ROLE_READER, false, false, true},
	};
	unsigned n = sizeof(roles) / sizeof(*roles), digit;
	char *end;

	if (!role || *role < '0' || *role > '9')
		return -ENODATA;
	digit = (unsigned)strtoul(role, &end, 10);
	if (*end || digit >= 2 * n)
		return -ENODATA;
	e->role = roles[digit % n].role;
	e->of_many = roles[digit % n].of_many;
	e->stopped = roles[digit % n].stopped;
	e->refuses = roles[digit % n].refuses;
	e->unsettled = digit >= n;
	e->term = read_view(view);
	e->lag_ms = PEL_LAG_UNKNOWN;
	e->has |= EVIDENCE_ROLE | EVIDENCE_STOPPED | (e->stopped ? EVIDENCE_LAG : 0);
	return 0;
}

static void take_role(enum pel_role role, struct evidence *e)
{
	if (role == PEL_ROLE_UNKNOWN)
		return;
	e->role = role;
	e->has |= EVIDENCE_ROLE;
}

void dialect_take_role(const char *read_only, struct evidence *e)
{
	take_role(pel_rows_role(read_only), e);
}

void dialect_take_identity(const struct dialect_variables *v, enum pel_role role,
	struct evidence *e)
{
	e->id[0] = '\0';
	memcpy(e->uuid, v->uuid, sizeof(e->uuid));
	e->has = EVIDENCE_IDENTITY;
	take_role(role, e);
}

int dialect_read_plain(const struct dialect_variables *v, struct evidence *e)
{
	dialect_take_identity(v, v->read_only, e);
	return e->has & EVIDENCE_ROLE ? 0 : -ENODATA;
}

uint32_t dialect_lag_ms(const char *text, unsigned unit_us)
{
	const uint64_t most = PEL_LAG_UNKNOWN - 1;
	uint64_t value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return PEL_LAG_UNKNOWN;
	value = strtoull(text, &end, 10);
	if (*end && *end != '.')
		return PEL_LAG_UNKNOWN;
	value = value > UINT64_MAX / unit_us ? most : value * unit_us / 1000;
	return (uint32_t)(value < most ? value : most);
}

int dialect_read_role(const struct pel_cells *cells, struct evidence *evidence)
{
	const char *const *row;

	if (cells->n_columns != 1)
		return -EPROTO;
	row = cells->next(cells->context);
	if (!row)
		return -ENODATA;
	evidence->has = 0;
	dialect_take_role(row[0], evidence);
	return evidence->has ? 0 : -ENODATA;
}

int dialect_find_column(const struct pel_cells *cells, const char *name, const char *old_name)
{
	for (unsigned i = 0; cells->name && i < cells->n_columns; i++) {
		const char *is = cells->name(cells->context, i);

		if (strcasecmp(is, name) == 0 || strcasecmp(is, old_name) == 0)
			return (int)i;
	}
	return -1;
}

struct evidence_host *dialect_take_host(struct evidence *e, const char *host, const char *port,
	enum pel_role role)
{
	unsigned long number = port ? strtoul(port, NULL, 10) : 0;
	bool full = e->n_hosts == PEL_MAP_INSTANCES;
	char normal[PEL_NAME_MAX];
	struct evidence_host *to;

	if (!host || !*host)
		return NULL;
	e->is_cut |= full;
	if ((full && role != PEL_ROLE_WRITER) || (port && number == 0) || number > UINT16_MAX ||
		pel_name_normalise(host, normal) < 0) {
		e->n_refused++;
		return NULL;
	}
	e->n_hosts -= full;
	e->n_refused += full;
	e->has |= EVIDENCE_HOSTS;
	to = &e->hosts[e->n_hosts++];
	*to = (struct evidence_host){.port = (uint16_t)number, .role = role};
	strcpy(to->host, normal);
	return to;
}
