/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aurora MySQL: role by @@innodb_read_only, members by replica_host_status.
 */
#include "dialect.h"
#include "variables.h"

#include "logic/bluegreen.h"

#include <errno.h>
#include <string.h>

static bool detects(const struct dialect_variables *v)
{
	return v->aurora_server_id[0] != '\0';
}

static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (!detects(v))
		return -ENODATA;
	dialect_take_identity(v, v->innodb_read_only, e);
	memcpy(e->id, v->aurora_server_id, sizeof(e->id));
	return 0;
}

static int read_table(const struct pel_cells *cells, struct evidence *e)
{
	int r = pel_rows_read(cells, &e->rows);

	if (r < 0 && r != -ENODATA)
		return r;
	e->has = 0;
	e->role = e->rows.role;
	if (e->role != PEL_ROLE_UNKNOWN)
		e->has |= EVIDENCE_ROLE;
	if (r == 0)
		e->has |= EVIDENCE_TABLE;
	return e->has ? 0 : -ENODATA;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	return question == DIALECT_ROLE ? dialect_read_role(cells, e) : read_table(cells, e);
}

static const char *const grants[] = {"USAGE ON *.*", NULL};

const struct dialect dialect_aurora = {
	.name = "aurora",
	.hosts = DIALECT_HOSTS_BY_DOMAIN,
	.queries =
		{
			[DIALECT_HELLO] = DIALECT_VARIABLES,
			[DIALECT_ROLE] = "SELECT @@innodb_read_only",
			[DIALECT_TABLE] = PEL_ROWS_QUERY,
			[DIALECT_BLUEGREEN] = BLUEGREEN_QUERY,
		},
	.grants = grants,
	.detects = detects,
	.read_hello = read_hello,
	.read = read,
};
