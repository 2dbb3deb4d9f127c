/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's Group Replication, as InnoDB Cluster has it: role by the group's own table and
 * super_read_only, members by the hosts in that table.  Of several primaries one is chosen.
 *
 * A primary that is cut off goes on saying that it is one, and is writable: what it writes waits for
 * its group for ever.  So a role counts only with the group's majority in sight.  A primary that leaves
 * or was stopped goes on for seconds, with the majority of a group that it is no member of any more:
 * the number of its view, which grows by one whenever a member comes or goes, gives it away, and is
 * the term.  A view's prefix is of the group's beginning, the era.
 *
 * Who is recovering, offline, in error or in a minority is alive, but only ages.  Such a server's table
 * of members is not believed, either: it may hold itself alone.
 *
 * What a member's applier is at, and when that was committed, is the lag.  Clocks have to be equal.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>
#include <string.h>

#define MEMBERS "performance_schema.replication_group_members"
#define STATS "performance_schema.replication_group_member_stats"
#define APPLIERS "performance_schema.replication_applier_status_by_worker"

/* A digit, as dialect_take_group() knows them. */
#define OWN_ROLE                                                                                   \
	"(SELECT CASE"                                                                             \
	" WHEN COALESCE(SUM(MEMBER_STATE IN ('ONLINE', 'RECOVERING')) * 2 > COUNT(*)"              \
	" AND SUM(MEMBER_ID = @@server_uuid AND MEMBER_STATE = 'ONLINE'), 0) = 0 THEN 2"           \
	" WHEN SUM(MEMBER_ID = @@server_uuid AND MEMBER_ROLE = 'PRIMARY')"                         \
	" AND @@global.super_read_only = 0"                                                        \
	" THEN IF(@@global.group_replication_single_primary_mode, 0, 3) ELSE 1 END FROM " MEMBERS  \
	")"
#define OWN_VIEW "(SELECT MAX(VIEW_ID) FROM " STATS " WHERE MEMBER_ID = @@server_uuid)"
#define OWN_LAG                                                                                    \
	"(SELECT COALESCE(MAX(CASE WHEN APPLYING_TRANSACTION <> '' THEN TIMESTAMPDIFF("            \
	"MICROSECOND, APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW(6)) ELSE 0 END), 0)"     \
	" FROM " APPLIERS " WHERE CHANNEL_NAME = 'group_replication_applier')"

enum { COL_ROLE, COL_VIEW, COL_LAG, COL_HOST, COL_PORT, COL_MEMBER_ROLE, COLUMNS };

static bool detects(const struct dialect_variables *v)
{
	return v->is_group;
}

static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (!detects(v))
		return -ENODATA;
	dialect_take_identity(v, PEL_ROLE_UNKNOWN, e);
	(void)dialect_take_group(v->group_role, v->group_view, e);
	return 0;
}

static void take_lag(const char *micros, struct evidence *e)
{
	if (e->role == PEL_ROLE_WRITER || e->stopped)
		return;
	e->has |= EVIDENCE_LAG;
	e->lag_ms = micros && *micros == '-' ? 0 : dialect_lag_ms(micros, 1);
}

static int read_members(const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row = cells->next(cells->context);
	int r = row ? dialect_take_group(row[COL_ROLE], row[COL_VIEW], e) : -ENODATA;

	if (r < 0)
		return r;
	take_lag(row[COL_LAG], e);
	/* A member that has never been in the group has no host. */
	for (; row && !e->stopped; row = cells->next(cells->context)) {
		const char *is = row[COL_MEMBER_ROLE];

		dialect_take_host(e, row[COL_HOST], row[COL_PORT] ? row[COL_PORT] : "0",
			is && strcmp(is, "PRIMARY") == 0 ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	}
	return 0;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;

	e->has = e->n_hosts = e->n_refused = 0;
	if (cells->n_columns != (question == DIALECT_ROLE ? 2 : COLUMNS))
		return -EPROTO;
	if (question != DIALECT_ROLE)
		return read_members(cells, e);
	row = cells->next(cells->context);
	return row ? dialect_take_group(row[0], row[1], e) : -ENODATA;
}

static const char *const grants[] = {"SELECT ON " MEMBERS, "SELECT ON " STATS,
	"SELECT ON " APPLIERS, NULL};

const struct dialect dialect_group_replication = {
	.name = "group_replication",
	.hosts = DIALECT_HOSTS_TOLD,
	.quiet = true,
	.queries =
		{
			[DIALECT_HELLO] = "SELECT 'server_uuid', @@server_uuid"
					  " UNION ALL SELECT 'group_replication_group_name',"
					  " @@global.group_replication_group_name"
					  " UNION ALL SELECT 'group_role', " OWN_ROLE
					  " UNION ALL SELECT 'group_view', " OWN_VIEW,
			[DIALECT_ROLE] = "SELECT " OWN_ROLE ", " OWN_VIEW,
			[DIALECT_TABLE] = "SELECT " OWN_ROLE ", " OWN_VIEW ", " OWN_LAG
					  ", MEMBER_HOST, MEMBER_PORT, MEMBER_ROLE FROM " MEMBERS,
		},
	.grants = grants,
	.detects = detects,
	.read_hello = read_hello,
	.read = read,
};
