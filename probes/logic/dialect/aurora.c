/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aurora MySQL: role by @@innodb_read_only, members by replica_host_status.
 *
 * The greeting asks with SHOW, which leaves out a variable that a server does not have instead of
 * failing: a server without aurora_server_id is no Aurora, and MariaDB (the lab) has server_uid
 * where MySQL has server_uuid.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>
#include <string.h>

static int read_hello(const struct pel_cells *cells, struct evidence *e)
{
	struct dialect_variables v;
	int r = dialect_read_variables(cells, &v);

	if (r < 0)
		return r;
	if (v.aurora_server_id[0] == '\0')
		return -ENODATA;
	memcpy(e->id, v.aurora_server_id, sizeof(e->id));
	memcpy(e->uuid, v.uuid, sizeof(e->uuid));
	e->has = EVIDENCE_IDENTITY;
	e->role = v.innodb_read_only;
	if (e->role != PEL_ROLE_UNKNOWN)
		e->has |= EVIDENCE_ROLE;
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

const struct dialect dialect_aurora = {
	.name = "aurora",
	.has_table = true,
	.queries =
		{
			[DIALECT_HELLO] = "SHOW GLOBAL VARIABLES WHERE Variable_name IN"
					  " ('aurora_server_id', 'innodb_read_only', 'server_uid',"
					  " 'server_uuid')",
			[DIALECT_ROLE] = "SELECT @@innodb_read_only",
			[DIALECT_TABLE] = PEL_ROWS_QUERY,
		},
	.read =
		{
			[DIALECT_HELLO] = read_hello,
			[DIALECT_ROLE] = dialect_read_role,
			[DIALECT_TABLE] = read_table,
		},
};
