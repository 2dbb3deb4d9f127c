/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Galera, as MariaDB has it: role by the node's own status, members from the configuration.
 *
 * Each node may be written to, and one is chosen (logic/topology/choose.c): who is in the
 * primary component, ready and synced, and not read-only.  Who gives its state to one that
 * joins (donor), or has yet to catch up, only ages.  Who is out of the primary component,
 * joins, or rejects queries refuses everybody: it answers this question nevertheless, as long
 * as that reads tables of information_schema alone, and none that is derived of them.
 *
 * The number of the configuration grows by one whenever a node comes or goes, and is the term;
 * it begins anew with the cluster, in the same history.  While a node does not hear another the
 * group is about to change, though the status has the old one for seconds.
 */
#include "dialect.h"
#include "variables.h"

#include <errno.h>

#define CELL(word) "MAX(IF(VARIABLE_NAME = 'WSREP_" word "', VARIABLE_VALUE, NULL))"
#define COMPONENT CELL("CLUSTER_STATUS")
#define READY CELL("READY")
#define STATE CELL("LOCAL_STATE")
#define TALK CELL("EVS_STATE")
#define HISTORY "REPLACE(LEFT(" CELL("CLUSTER_STATE_UUID") ", 18), '-', '')"
#define FORMATION CELL("CLUSTER_CONF_ID")
#define STATUS                                                                                     \
	" FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('WSREP_READY',"            \
	" 'WSREP_LOCAL_STATE', 'WSREP_CLUSTER_STATUS', 'WSREP_CLUSTER_CONF_ID',"                   \
	" 'WSREP_CLUSTER_STATE_UUID', 'WSREP_EVS_STATE')"

/* As dialect_take_group() knows them.  MariaDB 12 has read_only as a word, which is no number but 0. */
#define ROLE                                                                                       \
	"CASE WHEN COALESCE(" COMPONENT " <> 'Primary' OR " READY " <> 'ON'"                       \
	" OR @@global.wsrep_reject_queries <> 'NONE', 1) THEN 5"                                   \
	" ELSE IF(CONCAT(@@global.read_only) IN ('0', 'OFF'), 3, 1) + (" STATE " <> '4')"          \
	" + 6 * COALESCE(" TALK " <> 'OPERATIONAL', 0) END"
#define VIEW                                                                                       \
	"IF(" COMPONENT " = 'Primary',"                                                            \
	" CONCAT(CONV(" HISTORY ", 16, 10), ':', " FORMATION "), NULL)"

static bool detects(const struct dialect_variables *v)
{
	return v->is_galera && v->is_provided;
}

static int read_hello(const struct dialect_variables *v, struct evidence *e)
{
	if (!detects(v))
		return -ENODATA;
	dialect_take_identity(v, PEL_ROLE_UNKNOWN, e);
	(void)dialect_take_group(v->group_role, v->group_view, e);
	return 0;
}

static int read(enum dialect_question question, const struct pel_cells *cells, struct evidence *e)
{
	const char *const *row;

	(void)question;
	e->has = 0;
	if (cells->n_columns != 2)
		return -EPROTO;
	row = cells->next(cells->context);
	return row ? dialect_take_group(row[0], row[1], e) : -ENODATA;
}

static const char *const grants[] = {"USAGE ON *.*", NULL};

const struct dialect dialect_galera = {
	.name = "galera",
	.hosts = DIALECT_HOSTS_CONFIGURED,
	.queries =
		{
			[DIALECT_HELLO] =
				"SELECT 'wsrep_on', IF(@@global.wsrep_on, 'ON', 'OFF')"
				" UNION ALL SELECT 'wsrep_provider', @@global.wsrep_provider"
				" UNION ALL SELECT 'group_role', " ROLE STATUS
				" UNION ALL SELECT 'group_view', " VIEW STATUS,
			[DIALECT_ROLE] = "SELECT " ROLE ", " VIEW STATUS,
		},
	.grants = grants,
	.detects = detects,
	.read_hello = read_hello,
	.read = read,
};
