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
#include <string.h>

#define TOPOLOGY "mysql.rds_topology"

enum { COL_READ_ONLY, COL_ENDPOINT, COL_PORT, COLUMNS };

/* Servers of RDS that tell where they are; whether the table is there shows when it is asked for. */
static bool detects(const struct dialect_variables *v)
{
	return v->read_only != PEL_ROLE_UNKNOWN && v->is_rds && v->is_reported;
}

/* For who was told, it need not look like one. */
static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (v->read_only == PEL_ROLE_UNKNOWN)
		return -ENODATA;
	e->id[0] = '\0';
	memcpy(e->uuid, v->uuid, sizeof(e->uuid));
	e->role = v->read_only;
	e->has = EVIDENCE_IDENTITY | EVIDENCE_ROLE;
	return 0;
}

static int read_topology(const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;

	if (cells->n_columns != COLUMNS)
		return -EPROTO;
	e->has = e->n_hosts = e->n_refused = 0;
	while ((row = cells->next(cells->context))) {
		e->role = pel_rows_role(row[COL_READ_ONLY]);
		dialect_take_host(e, row[COL_ENDPOINT], row[COL_PORT], PEL_ROLE_READER);
	}
	if (e->role != PEL_ROLE_UNKNOWN)
		e->has |= EVIDENCE_ROLE;
	if (e->n_hosts)
		e->has |= EVIDENCE_HOSTS;
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
	.read_hello = read_hello,
	.read = read,
};
