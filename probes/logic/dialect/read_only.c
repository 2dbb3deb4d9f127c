/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain MySQL or MariaDB replication: role by @@read_only, members from the configuration.
 *
 * Servers know neither each other nor an id of the cluster: the id of a member is its configured
 * one, and in the place of a table a replica tells its own lag.  It does so only to users with the
 * privilege, and only while its replication runs: else the lag is unknown.  The column has had two
 * names and the statement two wordings, so neither is known by its place.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int read_hello(const struct pel_cells *cells, struct evidence *e)
{
	struct dialect_variables v;
	int r = dialect_read_variables(cells, &v);

	if (r < 0)
		return r;
	if (v.read_only == PEL_ROLE_UNKNOWN)
		return -ENODATA;
	e->id[0] = '\0';
	memcpy(e->uuid, v.uuid, sizeof(e->uuid));
	e->role = v.read_only;
	e->has = EVIDENCE_IDENTITY | EVIDENCE_ROLE;
	return 0;
}

static bool find_lag_column(const struct pel_cells *cells, unsigned *ret)
{
	for (unsigned i = 0; cells->name && i < cells->n_columns; i++) {
		const char *name = cells->name(cells->context, i);

		*ret = i;
		if (strcasecmp(name, "Seconds_Behind_Source") == 0 ||
			strcasecmp(name, "Seconds_Behind_Master") == 0)
			return true;
	}
	return false;
}

static uint32_t read_seconds(const char *text)
{
	const uint32_t most = (PEL_LAG_UNKNOWN - 1) / 1000;
	unsigned long seconds;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return PEL_LAG_UNKNOWN;
	seconds = strtoul(text, &end, 10);
	if (*end)
		return PEL_LAG_UNKNOWN;
	return (seconds < most ? (uint32_t)seconds : most) * 1000;
}

/* A row for each source: the worst counts, and PEL_LAG_UNKNOWN is the worst of all. */
static int read_lag(const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;
	unsigned column;
	bool any = false;

	if (!find_lag_column(cells, &column))
		return -EPROTO;
	e->lag_ms = 0;
	while ((row = cells->next(cells->context))) {
		uint32_t lag_ms = read_seconds(row[column]);

		e->lag_ms = lag_ms > e->lag_ms ? lag_ms : e->lag_ms;
		any = true;
	}
	if (!any)
		e->lag_ms = PEL_LAG_UNKNOWN;
	e->has = EVIDENCE_LAG;
	return 0;
}

const struct dialect dialect_read_only = {
	.name = "read_only",
	.has_table = false,
	.queries =
		{
			[DIALECT_HELLO] =
				"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only',"
				" 'server_uid', 'server_uuid')",
			[DIALECT_ROLE] = "SELECT @@global.read_only",
			[DIALECT_TABLE] = "SHOW REPLICA STATUS",
		},
	.table_else = "SHOW SLAVE STATUS",
	.read =
		{
			[DIALECT_HELLO] = read_hello,
			[DIALECT_ROLE] = dialect_read_role,
			[DIALECT_TABLE] = read_lag,
		},
};
