/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Aurora Global Database: clusters of several regions, one of which has the writer.  Role as in any
 * Aurora, and it is a reader's in all other regions; members by aurora_global_db_instance_status, which
 * tells ids and regions, so that the configuration has to tell where a region's instances live.
 *
 * That table has no times: it is no witness, and that of a reader may be an old one.
 */
#include "dialect.h"
#include "variables.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TABLE "information_schema.aurora_global_db_instance_status"

enum { COL_READ_ONLY, COL_SELF, COL_ID, COL_REGION, COL_MASTER, COL_LAG, COLUMNS };

/* Any server of it is one of Aurora's: it has to be told. */
static bool detects(const struct dialect_variables *v)
{
	(void)v;
	return false;
}

/* A member is the host at which its region has it: two regions may have the same id. */
static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (!v->aurora_server_id[0])
		return -ENODATA;
	dialect_take_identity(v, v->innodb_read_only, e);
	return 0;
}

static bool is_writer(const char *const *row)
{
	return row[COL_MASTER] && strcmp(row[COL_MASTER], "1") == 0;
}

static void take_member(const char *const *row, struct evidence *e)
{
	struct evidence_host *to;

	if (!row[COL_ID])
		return;
	if (!pel_name_is_label(row[COL_ID]) || !row[COL_REGION] ||
		!pel_name_is_label(row[COL_REGION]) ||
		strlen(row[COL_REGION]) >= sizeof(to->region)) {
		e->n_refused++;
		return;
	}
	to = dialect_take_host(e, row[COL_ID], NULL,
		is_writer(row) ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	if (to)
		strcpy(to->region, row[COL_REGION]);
}

/* A reader's own, of its own row: of those that may be it, for it does not know its region, the worst. */
static void take_lag(const char *const *row, struct evidence *e)
{
	uint32_t ms = dialect_lag_ms(row[COL_LAG], 1000);

	if (e->role != PEL_ROLE_READER || is_writer(row) || !row[COL_SELF] || !row[COL_ID] ||
		strcasecmp(row[COL_SELF], row[COL_ID]) != 0)
		return;
	e->lag_ms = e->has & EVIDENCE_LAG && e->lag_ms > ms ? e->lag_ms : ms;
	e->has |= EVIDENCE_LAG;
}

static int read_table(const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;

	if (cells->n_columns != COLUMNS)
		return -EPROTO;
	e->has = e->n_hosts = e->n_refused = 0;
	while ((row = cells->next(cells->context))) {
		dialect_take_role(row[COL_READ_ONLY], e);
		take_lag(row, e);
		take_member(row, e);
	}
	return e->has ? 0 : -ENODATA;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	return question == DIALECT_ROLE ? dialect_read_role(cells, e) : read_table(cells, e);
}

static const char *const grants[] = {"USAGE ON *.*", NULL};

const struct dialect dialect_global = {
	.name = "global",
	.hosts = DIALECT_HOSTS_BY_REGION,
	.queries =
		{
			[DIALECT_HELLO] = DIALECT_VARIABLES,
			[DIALECT_ROLE] = "SELECT @@innodb_read_only",
			[DIALECT_TABLE] =
				"SELECT @@innodb_read_only, @@aurora_server_id, s.server_id, s.aws_region,"
				" s.session_id = 'MASTER_SESSION_ID', s.visibility_lag_in_msec"
				" FROM (SELECT 1 AS one) AS me LEFT JOIN " TABLE " AS s ON TRUE",
		},
	.grants = grants,
	.detects = detects,
	.read_hello = read_hello,
	.read = read,
};
