/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about Aurora as MySQL is given them; what is none of these stays as it is. */
#include "rewrite.h"

#include "table.h"

#include <stdlib.h>

#define ROWS(rows)                                                                                 \
	"JSON_TABLE('[" rows "]', '$[*]' COLUMNS (SERVER_ID VARCHAR(100) PATH '$[0]', SESSION_ID"  \
	" VARCHAR(100) PATH '$[1]', IS_CURRENT TINYINT PATH '$[2]', CPU DOUBLE PATH '$[3]',"       \
	" LAST_UPDATE_TIMESTAMP DATETIME(6) PATH '$[4]', REPLICA_LAG_IN_MILLISECONDS DOUBLE PATH"  \
	" '$[5]'))"
#define TABLE                                                                                      \
	ROWS("[\"a\",\"MASTER\",\"1\",\"0.5\",\"T\",\"0\"],[\"b\",\"x\",\"0\",\"1\",\"T\",\"2\"]")
#define VARIABLES(of)                                                                              \
	"SELECT * FROM (SELECT VARIABLE_NAME AS Variable_name, IF(VARIABLE_NAME ="                 \
	" 'innodb_read_only', IF(@@global.read_only, 'ON', 'OFF'), VARIABLE_VALUE) AS Value"       \
	" FROM performance_schema." of "_variables) AS " of "_variables"

struct row {
	const char *title, *text, *made; /* NULL: it means itself */
	bool has_marker;
};

/* clang-format off */
static const struct row rows[] = {
	{"a table gets its name", "SELECT * FROM information_schema.replica_host_status",
		"SELECT * FROM " TABLE " AS replica_host_status"},
	{"unless it has one", "SELECT r.cpu FROM information_schema.replica_host_status AS r",
		"SELECT r.cpu FROM " TABLE " AS r"},
	{"or one without AS", "SELECT r.cpu FROM information_schema.replica_host_status r, t",
		"SELECT r.cpu FROM " TABLE " r, t"},
	{"a clause is no name", "select 1 from information_schema.REPLICA_HOST_STATUS where cpu > 1",
		"select 1 from " TABLE " AS replica_host_status where cpu > 1"},
	{"in any case, in backquotes, with spaces",
		"SELECT 1 FROM `Information_Schema` . `replica_host_status` `r`",
		"SELECT 1 FROM " TABLE " `r`"},
	{"in a subquery", "SELECT (SELECT 1 FROM information_schema.replica_host_status) + 1",
		"SELECT (SELECT 1 FROM " TABLE " AS replica_host_status) + 1"},
	{"a column by the table's full name",
		"SELECT information_schema.replica_host_status.cpu FROM information_schema.replica_host_status",
		"SELECT replica_host_status.cpu FROM " TABLE " AS replica_host_status"},
	{"another table", "SELECT 1 FROM information_schema.aurora_global_db_instance_status g",
		"SELECT 1 FROM JSON_TABLE('[[\"a\",\"m\",\"r\",\"7\"]]', '$[*]' COLUMNS (SERVER_ID VARCHAR(100) PATH"
		" '$[0]', SESSION_ID VARCHAR(100) PATH '$[1]', AWS_REGION VARCHAR(100) PATH '$[2]',"
		" VISIBILITY_LAG_IN_MSEC DOUBLE PATH '$[3]')) g"},
	{"other tables", "SELECT * FROM information_schema.tables WHERE table_name = 'replica_host_status'"},
	{"another's table", "SELECT * FROM app.replica_host_status, replica_host_status"},
	{"what is quoted", "SELECT 'information_schema.replica_host_status', \"it's @@innodb_read_only\""},
	{"behind a quote that is quoted", "SELECT 'it\\'s @@innodb_read_only', 'it''s @@innodb_read_only'"},
	{"comments", "SELECT 1 /* @@innodb_read_only */ -- @@innodb_read_only\n# @@innodb_read_only"},
	{"what is not closed", "SELECT '@@innodb_read_only"},
	{"nothing", ""},
	{"the role keeps its name", "SELECT @@innodb_read_only",
		"SELECT @@global.read_only AS `@@innodb_read_only`"},
	{"in a list", "SELECT @@innodb_read_only, @@read_only, @@GLOBAL.innodb_read_only FROM t",
		"SELECT @@global.read_only AS `@@innodb_read_only`, @@read_only,"
		" @@global.read_only AS `@@GLOBAL.innodb_read_only` FROM t"},
	{"it may have another", "SELECT @@innodb_read_only AS is_reader, @@innodb_read_only x",
		"SELECT @@global.read_only AS is_reader, @@global.read_only x"},
	{"a part of an expression has none", "SELECT IF(1, @@innodb_read_only, 2), @@innodb_read_only = 1",
		"SELECT IF(1, @@global.read_only, 2), @@global.read_only = 1"},
	{"nor has a condition", "SELECT 1 FROM t WHERE a IN (1, @@innodb_read_only)",
		"SELECT 1 FROM t WHERE a IN (1, @@global.read_only)"},
	{"another variable", "SELECT @@innodb_read_only_compressed, @@session.x"},
	{"SHOW in all forms", "SHOW VARIABLES", VARIABLES("session")},
	{"with a pattern", " show session variables like 'innodb%'",
		" " VARIABLES("session") " WHERE Variable_name like 'innodb%'"},
	{"with a condition", "/* x */ SHOW GLOBAL VARIABLES WHERE Variable_name IN ('a')",
		"/* x */ " VARIABLES("global") " WHERE Variable_name IN ('a')"},
	{"of several statements", "SELECT 1; SHOW VARIABLES; SHOW STATUS",
		"SELECT 1; " VARIABLES("session") "; SHOW STATUS"},
	{"no statement of its own", "SELECT show variables"},
	{"other words of SHOW", "SHOW GLOBAL STATUS LIKE 'x'"},
	{"a value to come", "SELECT * FROM t WHERE a = ?", NULL, true},
	{"is none in quotes", "SELECT '?' -- ?"},
	{"and in one of ours", "SELECT ? = @@innodb_read_only", "SELECT ? = @@global.read_only", true},
};
/* clang-format on */

static char *read_rows(unsigned table)
{
	return strdup(table == LAB_REPLICA_HOST_STATUS
			? "a\tMASTER\t1\t0.5\tT\t0\nb'\tx\t0\t1\tT\t2\nshort\nb\tx\t0\t1\tT\t2"
			: "a\tm\tr\t7\n");
}

static char *no_rows(unsigned table)
{
	return NULL;
}

static void is_rewritten(void **state)
{
	const struct row *row = *state;
	bool has_marker;
	char *made = lab_rewrite(row->text, strlen(row->text), read_rows, &has_marker);

	assert_int_equal(has_marker, row->has_marker);
	if (row->made && made)
		assert_string_equal(made, row->made);
	else
		assert_true(!row->made && !made);
	free(made);
}

static void a_table_may_be_empty(void **state)
{
	static const char text[] = "SELECT 1 FROM information_schema.replica_host_status r";
	bool has_marker;
	char *made = lab_rewrite(text, strlen(text), no_rows, &has_marker);

	assert_string_equal(made, "SELECT 1 FROM " ROWS("") " r");
	free(made);
}

static void what_was_made_means_itself(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool has_marker;

		if (rows[i].made)
			assert_null(lab_rewrite(rows[i].made, strlen(rows[i].made), read_rows,
				&has_marker));
	}
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(a_table_may_be_empty),
	cmocka_unit_test(what_was_made_means_itself),
};

int main(void)
{
	return table_run("rewrite", TABLE_OF(rows, is_rewritten, others), NULL, NULL);
}
