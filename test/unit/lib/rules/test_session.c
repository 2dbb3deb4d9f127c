/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a session: statements in, state and restoring statements out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/session.h"

#include <stdio.h>
#include <string.h>

#define STATEMENTS 8

static const struct row {
	const char *title;
	const char *statements[STATEMENTS];
	const char *restored[STATEMENTS];
	bool dirty, transaction;
} rows[] = {
	{"a new session", {NULL}, {NULL}, false, false},
	{"plain statements", {"SELECT 1", "INSERT INTO t VALUES (1)", "SELECT LAST_INSERT_ID()"},
		{NULL}, false, false},
	{"a transaction", {"BEGIN", "INSERT INTO t VALUES (1)"}, {NULL}, false, true},
	{"an ended transaction", {"START TRANSACTION", "COMMIT"}, {NULL}, false, false},
	{"a rolled back transaction", {"BEGIN", "ROLLBACK"}, {NULL}, false, false},
	{"a rollback to a savepoint", {"BEGIN", "SAVEPOINT a", "ROLLBACK TO a"}, {NULL}, false,
		true},
	{"a user variable", {"SET @a = 1"}, {NULL}, true, false},
	{"dirt stays", {"SET @a = 1", "SELECT 1", "COMMIT"}, {NULL}, true, false},
	{"settings, as they were made",
		{"SET sql_mode = 'ANSI', @@wait_timeout = 5", "SET NAMES utf8"},
		{"SET SESSION sql_mode = 'ANSI'", "SET SESSION wait_timeout = 5", "SET names utf8"},
		false, false},
	{"the last value of each, last",
		{"SET sql_mode = ''", "SET wait_timeout = 5", "SET sql_mode = 'ANSI'"},
		{"SET SESSION wait_timeout = 5", "SET SESSION sql_mode = 'ANSI'"}, false, false},
	{"isolation", {"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"},
		{"SET session transaction isolation level READ COMMITTED"}, false, false},
	{"isolation and access are two settings",
		{"SET SESSION TRANSACTION READ ONLY",
			"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
		{"SET session transaction read ONLY",
			"SET session transaction isolation level SERIALIZABLE"},
		false, false},
	{"the last access alone",
		{"SET SESSION TRANSACTION READ ONLY", "SET session transaction read write"},
		{"SET session transaction read write"}, false, false},
	{"isolation of each transaction, in each way",
		{"SET tx_isolation = 'SERIALIZABLE'", "SET @@session.tx_read_only = 1",
			"SET @@local.transaction_isolation = 'SERIALIZABLE'"},
		{"SET SESSION tx_isolation = 'SERIALIZABLE'", "SET SESSION tx_read_only = 1",
			"SET SESSION transaction_isolation = 'SERIALIZABLE'"},
		false, false},
	{"isolation of the next transaction", {"SET @@tx_isolation = 'SERIALIZABLE'"}, {NULL}, true,
		false},
	{"... by its other name", {"SET @@transaction_isolation := 'SERIALIZABLE'"}, {NULL}, true,
		false},
	{"access of the next transaction", {"SET @@transaction_read_only = 1"}, {NULL}, true,
		false},
	{"a character set that a reconnection takes for all three",
		{"SET character_set_client = latin2"}, {NULL}, true, false},
	{"both in one are not understood",
		{"SET SESSION TRANSACTION READ ONLY, ISOLATION LEVEL READ COMMITTED"}, {NULL}, true,
		false},
	{"the last database", {"USE a", "USE `b`"}, {"USE `b`"}, false, false},
	{"autocommit is no statement to restore", {"SET autocommit = 0, sql_notes = 0"},
		{"SET SESSION sql_notes = 0"}, false, false},
	{"autocommit that was on ends no transaction", {"BEGIN", "SET autocommit = 1"}, {NULL},
		false, true},
	{"an autocommit that is not understood", {"SET autocommit = DEFAULT"}, {NULL}, true, false},
};

static void note(struct session *s, const char *text)
{
	size_t n = strlen(text);

	session_note(s, pel_sql_classify(text, n, 0), text, n, 0);
}

static void statements_leave_what_they_leave(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct session s;
		const char *at = NULL;

		session_init(&s);
		for (size_t k = 0; rows[i].statements[k]; k++)
			note(&s, rows[i].statements[k]);
		for (size_t k = 0;; k++) {
			at = session_next(&s, at);
			if (!at && !rows[i].restored[k])
				break;
			if (!at || !rows[i].restored[k] || strcmp(at, rows[i].restored[k]) != 0)
				fail_msg("%s: %s", rows[i].title, at ? at : "too few");
		}
		if (s.dirty != rows[i].dirty || s.transaction != rows[i].transaction)
			fail_msg("%s", rows[i].title);
	}
}

static void autocommit_is_remembered(void **state)
{
	struct session s;

	session_init(&s);
	assert_false(s.autocommit);
	note(&s, "SET autocommit = ON");
	assert_true(s.autocommit);
	note(&s, "SET autocommit = OFF");
	assert_false(s.autocommit);
	note(&s, "SET @@session.autocommit = 1");
	assert_true(s.autocommit);
}

static void more_than_fits_is_dirty(void **state)
{
	struct session s;
	char text[2 * SESSION_SETTINGS_MAX];

	session_init(&s);
	(void)snprintf(text, sizeof(text), "SET sql_mode = '%0*d'", SESSION_SETTINGS_MAX, 0);
	note(&s, text);
	assert_true(s.dirty);
	assert_null(session_next(&s, NULL));
}

static void the_library_restores_some_itself(void **state)
{
	struct session s;

	session_init(&s);
	note(&s, "SET NAMES latin1");
	note(&s, "SET character_set_results = utf8");
	note(&s, "USE a");
	note(&s, "SET sql_notes = 0");
	session_forget_charset(&s);
	session_forget_database(&s);
	assert_string_equal(session_next(&s, NULL), "SET SESSION sql_notes = 0");
	assert_null(session_next(&s, session_next(&s, NULL)));
}

static void what_statements_are_written_in_is_known(void **state)
{
	struct session s;

	session_init(&s);
	assert_string_equal(session_charset(&s), "");
	note(&s, "SET NAMES gbk");
	note(&s, "SET character_set_results = utf8mb4");
	assert_string_equal(session_charset(&s), "SET names gbk");
	note(&s, "SET CHARACTER SET sjis");
	assert_string_equal(session_charset(&s), "SET character set sjis");
	session_forget_charset(&s);
	assert_string_equal(session_charset(&s), "");
}

static void the_same_setting_again_and_again_fits(void **state)
{
	struct session s;
	char text[64];

	session_init(&s);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "SET wait_timeout = %d", i);
		note(&s, text);
	}
	assert_false(s.dirty);
	assert_string_equal(session_next(&s, NULL), "SET SESSION wait_timeout = 999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_leave_what_they_leave),
		cmocka_unit_test(autocommit_is_remembered),
		cmocka_unit_test(more_than_fits_is_dirty),
		cmocka_unit_test(the_library_restores_some_itself),
		cmocka_unit_test(what_statements_are_written_in_is_known),
		cmocka_unit_test(the_same_setting_again_and_again_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
