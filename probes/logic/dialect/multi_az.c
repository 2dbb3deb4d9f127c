/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An RDS Multi-AZ DB cluster: a writer and two readers behind endpoints of Aurora's form, which are no
 * Aurora.  Role by @@read_only, members by the endpoints in mysql.rds_topology, lag as plain
 * replication has it.
 *
 * That table says neither who is the writer nor how old it is: it is no witness.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>

#define TOPOLOGY "mysql.rds_topology"

enum { COL_READ_ONLY, COL_ENDPOINT, COL_PORT, COLUMNS };

/* Servers of RDS that tell where they are; whether the table is there shows when it is asked for. */
static bool detects(const struct dialect_variables *v)
{
	return v->read_only != PEL_ROLE_UNKNOWN && v->is_rds && v->is_reported;
}

static int read_topology(const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;

	if (cells->n_columns != COLUMNS)
		return -EPROTO;
	e->has = e->n_hosts = e->n_refused = 0;
	while ((row = cells->next(cells->context))) {
		dialect_take_role(row[COL_READ_ONLY], e);
		dialect_take_host(e, row[COL_ENDPOINT], row[COL_PORT], PEL_ROLE_READER);
	}
	return e->has ? 0 : -ENODATA;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	switch (question) {
	case DIALECT_TABLE:
		return read_topology(cells, e);
	case DIALECT_LAG:
		return dialect_read_lag(cells, e);
	default:
		return dialect_read_role(cells, e);
	}
}

static const char *const grants[] = {"SELECT ON " TOPOLOGY, "REPLICATION CLIENT ON *.*", NULL};

const struct dialect dialect_multi_az = {
	.name = "multi_az",
	.hosts = DIALECT_HOSTS_TOLD,
	.queries =
		{
			[DIALECT_HELLO] = DIALECT_VARIABLES,
			[DIALECT_ROLE] = "SELECT @@global.read_only",
			[DIALECT_TABLE] =
				"SELECT @@global.read_only, t.endpoint, t.port"
				" FROM (SELECT 1 AS one) AS me LEFT JOIN " TOPOLOGY " AS t ON TRUE",
			[DIALECT_LAG] = "SHOW REPLICA STATUS",
		},
	.grants = grants,
	.detects = detects,
	.read_hello = dialect_read_plain, /* who was told need not look like one */
	.read = read,
};
