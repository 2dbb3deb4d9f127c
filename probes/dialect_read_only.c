/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain MySQL or MariaDB replication: role by @@read_only, members from the configuration.
 *
 * Servers know neither each other nor an id of the cluster: the id of a member is its configured
 * one, and the table question is the role question.
 */
#include "dialect.h"
#include "dialect_variables.h"

#include <errno.h>
#include <string.h>

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

static int read_only_read(enum dialect_question question, const struct pel_cells *cells,
	struct evidence *e)
{
	switch (question) {
	case DIALECT_HELLO:
		return read_hello(cells, e);
	case DIALECT_ROLE:
	case DIALECT_TABLE:
		return dialect_read_role(cells, e);
	case DIALECT_QUESTIONS:
		break;
	}
	return -EPROTO;
}

const struct dialect dialect_read_only = {
	.name = "read_only",
	.has_table = false,
	.queries = {
		[DIALECT_HELLO] = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only',"
				  " 'server_uid', 'server_uuid')",
		[DIALECT_ROLE] = "SELECT @@global.read_only",
		[DIALECT_TABLE] = "SELECT @@global.read_only",
	},
	.read = read_only_read,
};
