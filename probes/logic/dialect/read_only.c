/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain MySQL or MariaDB replication: role by @@read_only, members from the configuration.
 *
 * Servers know neither each other nor an id of the cluster: the id of a member is its configured
 * one, and there is no table.  A replica tells its own lag (lag.c) to users with the privilege.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>
#include <string.h>

static bool detects(const struct dialect_variables *v)
{
	return v->read_only != PEL_ROLE_UNKNOWN;
}

static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (!detects(v))
		return -ENODATA;
	e->id[0] = '\0';
	memcpy(e->uuid, v->uuid, sizeof(e->uuid));
	e->role = v->read_only;
	e->has = EVIDENCE_IDENTITY | EVIDENCE_ROLE;
	return 0;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	return question == DIALECT_ROLE ? dialect_read_role(cells, e) : dialect_read_lag(cells, e);
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
		},
	.lag_else = "SHOW SLAVE STATUS",
	.grants = grants,
	.detects = detects,
	.read_hello = read_hello,
	.read = read,
};
