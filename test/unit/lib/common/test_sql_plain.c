/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement leaves in its session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/sql_words.c" /* for the order of its lists */

#include "common/sql_plain.h"
#include "sql_statements.h"

#include <string.h>

static const char *class_name(enum pel_sql_class class)
{
	static const char *const names[] = {"dirty", "read", "write", "peek", "set", "use", "begin",
		"end"};

	return names[class];
}

/* A copy that ends where the text ends, so that a tool sees any look beyond it. */
static char *copy(struct pel_sql_span text)
{
	char *at = malloc(text.n ? text.n : 1);

	assert_non_null(at);
	memcpy(at, text.at, text.n);
	return at;
}

static bool is_harmless_anyway(const char *text)
{
	for (size_t i = 0; i < sizeof(harmless_anyway) / sizeof(*harmless_anyway); i++) {
		if (strncmp(text, harmless_anyway[i], strlen(harmless_anyway[i])) == 0)
			return true;
	}
	return false;
}

static void what_is_asked_of_the_past_is_found(void **state)
{
	static const struct {
		const char *text;
		bool any, last;
	} recalling[] = {
		{"SELECT LAST_INSERT_ID()", true, false},
		{"insert into t values (1, Last_Insert_Id ())", true, false},
		{"SELECT @@identity", true, false},
		{"SET @a = @@SESSION.IDENTITY", true, false},
		{"SELECT LASTVAL(s)", true, false},
		{"SELECT PREVIOUS VALUE FOR s", true, false},
		{"CALL p(@@last_insert_id)", true, false},
		{"SELECT FOUND_ROWS()", false, true},
		{"SHOW WARNINGS", false, true},
		{"GET DIAGNOSTICS @n = NUMBER", false, true},
		{"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = LAST_INSERT_ID(a)", false,
			false},
		{"UPDATE s SET a = last_insert_id (a + 1)", false, false},
		{"UPDATE s SET a = LAST_INSERT_ID(a), b = LAST_INSERT_ID()", true, false},
		{"SELECT LAST_INSERT_ID(), ROW_COUNT()", true, true},
		{"SHOW TABLES", false, false},
		{"SELECT CONNECTION_ID()", false, false},
		{"SELECT identity, lastvalue FROM t WHERE a = f()", false, false},
		{"", false, false},
	};

	for (size_t i = 0; i < sizeof(recalling) / sizeof(*recalling); i++) {
		struct pel_sql_span span = {recalling[i].text, strlen(recalling[i].text)};
		char *text = copy(span);

		assert_int_equal(pel_sql_recalls(text, span.n, false), recalling[i].any);
		assert_int_equal(pel_sql_recalls(text, span.n, true), recalling[i].last);
		free(text);
	}
}

static void every_statement_has_its_class(void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < ROWS; i++) {
		char *text = copy(rows[i].text);
		enum pel_sql_class class = pel_sql_classify(text, rows[i].text.n, 0);

		if (class != rows[i].class) {
			print_error("%s, not %s: %s\n", class_name(class),
				class_name(rows[i].class), rows[i].text.at);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

static void the_quick_look_never_passes_what_leaves_something(void **state)
{
	size_t wrong = 0, passed = 0;

	for (size_t i = 0; i < ROWS; i++) {
		char *text = copy(rows[i].text);

		if (pel_sql_is_harmless(text, rows[i].text.n)) {
			passed++;
			if (rows[i].class != PEL_SQL_READ && rows[i].class != PEL_SQL_WRITE &&
				rows[i].class != PEL_SQL_PEEK &&
				!is_harmless_anyway(rows[i].text.at)) {
				print_error("%s\n", rows[i].text.at);
				wrong++;
			}
		}
		free(text);
	}
	print_message("# %zu of %zu statements are judged by the quick look\n", passed, ROWS);
	assert_int_equal(wrong, 0);
	assert_true(passed > 20);
}

/* What the quick look is for: the shapes that most programs send most. */
static void the_quick_look_knows_common_statements(void **state)
{
	static const char *const common[] = {
		"SELECT 1 FROM t",
		"SELECT id, name FROM users WHERE id = 5",
		"UPDATE t SET a = a + 1, b = 'x' WHERE id = 5",
		"delete from t where a = 1 and b = 2",
		"REPLACE INTO t SET a = 1",
		"INSERT INTO t SET a = 1, b = 'x'",
		"INSERT INTO t (a, b) VALUES (1, 'me@here')",
		"SELECT COUNT(*) FROM t WHERE a IN (1, 2)",
	};
	static const char *const not_surely[] = {"", "SELECT", "SELECT f(1)", "SELECT @a FROM t",
		"SELECT 1; SET a = 1", "CREATE TABLE t LIKE u", "selective"};

	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		assert_true(pel_sql_is_harmless(common[i], strlen(common[i])));
	for (size_t i = 0; i < sizeof(not_surely) / sizeof(*not_surely); i++)
		assert_false(pel_sql_is_harmless(not_surely[i], strlen(not_surely[i])));
}

static void a_known_escape_makes_strings_certain(void **state)
{
	static const char quoted[] = "SELECT 'it\\'s'", accented[] = "SELECT '\xc3\xa9\\\\'";
	static const char hidden[] = "SELECT 'a\\', f(1), '";

	assert_int_equal(pel_sql_classify(quoted, sizeof(quoted) - 1, 0), PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(quoted, sizeof(quoted) - 1, PEL_SQL_ESCAPES),
		PEL_SQL_READ);
	assert_int_equal(pel_sql_classify(hidden, sizeof(hidden) - 1, 0), PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(accented, sizeof(accented) - 1, PEL_SQL_ESCAPES),
		PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(accented, sizeof(accented) - 1,
				 PEL_SQL_ESCAPES | PEL_SQL_ASCII),
		PEL_SQL_READ);
}

static void settings_are_listed_in_order(void **state)
{
	static const char text[] = "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin, @@Session.SQL_mode = "
				   "'ANSI', Autocommit=0, LOCAL wait_timeout := -1;";
	static const struct {
		const char *name, *value;
		bool is_variable;
	} expected[] = {
		{"names", "'utf8mb4' COLLATE utf8mb4_bin", false},
		{"sql_mode", "'ANSI'", true},
		{"autocommit", "0", true},
		{"wait_timeout", "-1", true},
	};
	struct pel_sql_setting setting;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
		assert_string_equal(setting.name, expected[i].name);
		assert_int_equal(setting.value.n, strlen(expected[i].value));
		assert_memory_equal(setting.value.at, expected[i].value, setting.value.n);
		assert_int_equal(setting.is_variable, expected[i].is_variable);
	}
	assert_false(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
}

static void a_transaction_setting_is_one_of_two(void **state)
{
	static const char text[] = "SET LOCAL TRANSACTION ISOLATION LEVEL READ COMMITTED";
	struct pel_sql_setting setting;
	size_t at = 0;

	assert_true(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
	assert_string_equal(setting.name, "session transaction isolation level");
	assert_int_equal(setting.value.n, strlen("READ COMMITTED"));
	assert_memory_equal(setting.value.at, "READ COMMITTED", setting.value.n);
	assert_int_equal(at, sizeof(text) - 1);
}

static void a_used_database_is_named_as_written(void **state)
{
	struct pel_sql_span name;

	assert_true(pel_sql_used_database("USE `a b`;", 10, &name));
	assert_int_equal(name.n, 5);
	assert_memory_equal(name.at, "`a b`", 5);
	assert_false(pel_sql_used_database("USE a b", 7, &name));
	assert_false(pel_sql_used_database("USER", 4, &name));
}

/* Whatever a statement is cut to, nothing beyond it is read (the sanitized build sees it). */
static void every_prefix_of_every_statement_is_safe(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t n = 0; n < rows[i].text.n; n++) {
			struct pel_sql_span piece = {rows[i].text.at, n};
			char *text = copy(piece);

			(void)pel_sql_classify(text, n, PEL_SQL_ESCAPES);
			(void)pel_sql_is_harmless(text, n);
			free(text);
		}
	}
}

static void the_lists_are_sorted(void **state)
{
	static const struct {
		const char *list;
		size_t size;
	} lists[] = {
		{pure, sizeof(pure) - 1},
		{keywords, sizeof(keywords) - 1},
		{peeks, sizeof(peeks) - 1},
		{settings, sizeof(settings) - 1},
		{readables, sizeof(readables) - 1},
	};

	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		const char *end = lists[l].list + lists[l].size, *before = "";

		assert_int_equal(end[-1], '\0');
		for (const char *word = lists[l].list; word < end; word += strlen(word) + 1) {
			struct pel_sql_span span = {word, strlen(word)};

			if (strcmp(before, word) >= 0)
				fail_msg("%s stands before %s", before, word);
			assert_ptr_equal(find(lists[l].list, lists[l].size, span), word);
			before = word;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_of_the_past_is_found),
		cmocka_unit_test(every_statement_has_its_class),
		cmocka_unit_test(the_quick_look_never_passes_what_leaves_something),
		cmocka_unit_test(the_quick_look_knows_common_statements),
		cmocka_unit_test(a_known_escape_makes_strings_certain),
		cmocka_unit_test(settings_are_listed_in_order),
		cmocka_unit_test(a_transaction_setting_is_one_of_two),
		cmocka_unit_test(a_used_database_is_named_as_written),
		cmocka_unit_test(every_prefix_of_every_statement_is_safe),
		cmocka_unit_test(the_lists_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
