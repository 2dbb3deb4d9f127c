/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain MySQL or MariaDB replication: role by @@read_only, members from the configuration.
 *
 * Servers do not know an id of the cluster: the id of a member is its host, and there is no table.  A
 * replica tells its own lag (lag.c) to users with the privilege, and a writer the replicas that have
 * told it a `report_host`.  It believes whoever may replicate.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>

static bool detects(const struct dialect_variables *v)
{
	return v->read_only != PEL_ROLE_UNKNOWN;
}

/* The columns in between differ. */
static int read_replicas(const struct pel_cells *cells, struct evidence *e)
{
	int host = dialect_find_column(cells, "Host", "Host");
	int port = dialect_find_column(cells, "Port", "Port");
	const char *const *row;

	e->has = e->n_hosts = e->n_refused = 0;
	if (host < 0 || port < 0)
		return -EPROTO;
	while ((row = cells->next(cells->context)))
		dialect_take_host(e, row[host], row[port], PEL_ROLE_READER);
	e->has = EVIDENCE_REPLICAS;
	return 0;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	switch (question) {
	case DIALECT_LAG:
		return dialect_read_lag(cells, e);
	case DIALECT_REPLICAS:
		return read_replicas(cells, e);
	default:
		return dialect_read_role(cells, e);
	}
}

static const char *const grants[] = {"REPLICATION CLIENT ON *.*", NULL};

const struct dialect dialect_read_only = {
	.name = "read_only",
	.hosts = DIALECT_HOSTS_CONFIGURED,
	.queries =
		{
			[DIALECT_HELLO] = DIALECT_VARIABLES,
			[DIALECT_ROLE] = "SELECT @@global.read_only",
			[DIALECT_LAG] = "SHOW REPLICA STATUS",
			[DIALECT_REPLICAS] = "SHOW REPLICAS",
		},
	.older =
		{
			[DIALECT_LAG] = "SHOW SLAVE STATUS",
			[DIALECT_REPLICAS] = "SHOW SLAVE HOSTS",
		},
	.grants = grants,
	.detects = detects,
	.read_hello = dialect_read_plain,
	.read = read,
};
