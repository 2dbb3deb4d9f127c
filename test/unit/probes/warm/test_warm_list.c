/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements a warm-up takes from a text, and which it leaves out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "table.h"
#include "warm/list.h"

#include <stdio.h>
#include <string.h>

/* What is taken, one behind the other with a bar; "db:" before those of a USE. */
static const struct row {
	const char *title, *text, *taken;
	unsigned refused;
} rows[] = {
	{"one statement a line", "select 1\nselect 2\n", "select 1|select 2"},
	{"the last line needs no end", "select 1\nselect 2", "select 1|select 2"},
	{"lines that end as on Windows", "select 1\r\nselect 2\r\n", "select 1|select 2"},
	{"blank lines are nothing", "\n\n  \nselect 1\n\n", "select 1"},
	{"with semicolons a statement may take several lines", "select\n1;\nselect 2;",
		"select\n1|select 2"},
	{"the last needs no semicolon", "select 1; select 2", "select 1|select 2"},
	{"semicolons in a row are nothing", ";;select 1;;; ;select 2;", "select 1|select 2"},
	{"a semicolon in a string separates nothing", "select 'a;b'\nselect \"c;d\"",
		"select 'a;b'|select \"c;d\""},
	{"nor does one in a name", "select `a;b` from t\nselect 2", "select `a;b` from t|select 2"},
	{"a doubled quote does not end a string", "select 'it''s;';select 2",
		"select 'it''s;'|select 2"},
	{"nor does an escaped one", "select 'it\\'s;';select 2", "select 'it\\'s;'|select 2"},
	{"an open string takes all that follows, and is none of ours", "select 'a;\nselect 2", "",
		1},
	{"a comment to the end of its line", "-- select 0\nselect 1\n# select 2\nselect 3",
		"select 1|select 3"},
	{"a semicolon in a comment separates nothing", "# a;b\nselect 1\nselect 2",
		"select 1|select 2"},
	{"an apostrophe in a comment opens nothing", "-- it's\nselect 1\nselect 2",
		"select 1|select 2"},
	{"two hyphens without a blank are no comment", "select 1--1\n", "select 1--1"},
	{"two hyphens at the very end are one", "select 1\n--", "select 1"},
	{"a comment in between", "/* a; b\n */ select 1;select 2 /* ' */;",
		"select 1|select 2 /* ' */"},
	{"a comment that never ends", "select 1; /* select 2;", "select 1"},
	{"a comment that servers execute is refused", "/*!50000 delete from t */; select 1;",
		"select 1", 1},
	{"of MariaDB too", "/*M!100100 delete from t */;", "", 1},
	{"nothing but comments", "-- a\n/* b */\n# c", ""},
	{"nothing at all", "", ""},
	{"a mark of byte order", "\xef\xbb\xbfselect 1\nselect 2", "select 1|select 2"},
	{"a write is refused", "delete from t;select 1;insert into t values (1)", "select 1", 2},
	{"a read that locks is refused", "select * from t for update;", "", 1},
	{"a read into a file is refused", "select * from t into outfile '/tmp/x';", "", 1},
	{"a function that is not known is refused", "select sleep(5);select f(1);", "", 2},
	{"SET is refused", "set global read_only = 0;select 1;", "select 1", 1},
	{"a database holds for what follows",
		"select 1;use shop;select 2;select 3;USE `b``c`;select 4",
		"select 1|shop:select 2|shop:select 3|`b``c`:select 4"},
	{"bytes beyond ASCII stay", "select '\xc3\xa4;\xf0\x9f\x90\xac'\nselect 2",
		"select '\xc3\xa4;\xf0\x9f\x90\xac'|select 2"},
};

static void join(const struct warm_list *list, char *ret, size_t size)
{
	size_t n = 0;

	*ret = '\0';
	for (unsigned i = 0; i < list->n; i++) {
		const struct warm_statement *s = &list->statements[i];

		n += (size_t)snprintf(ret + n, size - n, "%s%s%s%s", i ? "|" : "",
			s->database ? list->databases[s->database - 1] : "", s->database ? ":" : "",
			s->text);
	}
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct warm_list list;
	char taken[1024];

	warm_list_init(&list, 100);
	assert_int_equal(warm_list_parse(&list, row->text, strlen(row->text)), 0);
	join(&list, taken, sizeof(taken));
	assert_string_equal(taken, row->taken);
	assert_int_equal(list.refused, row->refused);
	warm_list_deinit(&list);
}

static void no_more_are_taken_than_the_limit_says(void **state)
{
	static const char text[] = "select 1;select 2;delete from t;select 3;select 4";
	struct warm_list list;

	warm_list_init(&list, 2);
	assert_int_equal(warm_list_parse(&list, text, sizeof(text) - 1), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.refused, 0);
	assert_int_equal(warm_list_add(&list, "select 5", 8, NULL), 0);
	assert_int_equal(list.n, 2);
	warm_list_deinit(&list);
}

static void a_server_s_own_statements_name_their_database(void **state)
{
	struct warm_list list;
	char taken[256], name[256];

	warm_list_init(&list, 10);
	assert_int_equal(warm_list_add(&list, "select 1", 8, "app"), 0);
	assert_int_equal(warm_list_add(&list, "select 2", 8, "a`b"), 0);
	assert_int_equal(warm_list_add(&list, "select 3", 8, ""), 0);
	assert_int_equal(warm_list_add(&list, "select 4", 8, "app"), 0);
	assert_int_equal(warm_list_add(&list, "drop table t", 12, "app"), 0);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(warm_list_add(&list, "select 5", 8, name), 0);
	join(&list, taken, sizeof(taken));
	assert_string_equal(taken, "`app`:select 1|`a``b`:select 2|select 3|`app`:select 4");
	assert_int_equal(list.refused, 2);
	assert_int_equal(list.n_databases, 2);
	warm_list_deinit(&list);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(no_more_are_taken_than_the_limit_says),
		cmocka_unit_test(a_server_s_own_statements_name_their_database),
	};

	return table_run("warm list", TABLE_OF(rows, holds, others), NULL, NULL);
}
