/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an error: one row per rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/retry.h"

#define NEVER_SENT CAUSE_NEVER_SENT
#define IN_FLIGHT CAUSE_IN_FLIGHT
#define REFUSED CAUSE_REFUSED

static const struct row {
	const char *title;
	struct retry_situation s;
	enum retry_action action;
} rows[] = {
	{"a write that was never sent", {NEVER_SENT, PEL_SQL_WRITE, .autocommit = true},
		RETRY_AGAIN},
	{"a write that was refused", {REFUSED, PEL_SQL_WRITE, .autocommit = true}, RETRY_AGAIN},
	{"a write in flight", {IN_FLIGHT, PEL_SQL_WRITE, .autocommit = true}, RETRY_SHOW_UNKNOWN},
	{"a read in flight", {IN_FLIGHT, PEL_SQL_READ, .autocommit = true}, RETRY_AGAIN},
	{"a read in flight, in a transaction",
		{IN_FLIGHT, PEL_SQL_READ, .autocommit = true, .in_transaction = true},
		RETRY_SHOW_UNKNOWN},
	{"a read without autocommit", {NEVER_SENT, PEL_SQL_READ, .in_transaction = true},
		RETRY_SHOW_UNKNOWN},
	{"autocommit not known", {NEVER_SENT, PEL_SQL_READ}, RETRY_SHOW_CHANGED},
	{"a write never sent, in a transaction",
		{NEVER_SENT, PEL_SQL_WRITE, .autocommit = true, .in_transaction = true},
		RETRY_SHOW_UNKNOWN},
	{"a write refused, in a transaction",
		{REFUSED, PEL_SQL_WRITE, .autocommit = true, .in_transaction = true},
		RETRY_SHOW_UNKNOWN},
	{"a read in a dirty session", {NEVER_SENT, PEL_SQL_READ, .autocommit = true, .dirty = true},
		RETRY_SHOW_CHANGED},
	{"a dirty statement, never sent", {NEVER_SENT, PEL_SQL_DIRTY, .autocommit = true},
		RETRY_SHOW_CHANGED},
	{"a dirty statement, refused", {REFUSED, PEL_SQL_DIRTY, .autocommit = true},
		RETRY_SHOW_CHANGED},
	{"a dirty statement, in flight", {IN_FLIGHT, PEL_SQL_DIRTY, .autocommit = true},
		RETRY_SHOW_UNKNOWN},
	{"what asks for this session", {NEVER_SENT, PEL_SQL_PEEK, .autocommit = true},
		RETRY_SHOW_CHANGED},
	{"a setting in flight", {IN_FLIGHT, PEL_SQL_SET, .autocommit = true}, RETRY_AGAIN},
	{"USE in flight", {IN_FLIGHT, PEL_SQL_USE, .autocommit = true}, RETRY_AGAIN},
	{"BEGIN in flight", {IN_FLIGHT, PEL_SQL_BEGIN, .autocommit = true}, RETRY_AGAIN},
	{"COMMIT in flight, outside a transaction", {IN_FLIGHT, PEL_SQL_END, .autocommit = true},
		RETRY_SHOW_UNKNOWN},
	{"COMMIT never sent, outside a transaction", {NEVER_SENT, PEL_SQL_END, .autocommit = true},
		RETRY_AGAIN},
	{"COMMIT never sent, in a transaction",
		{NEVER_SENT, PEL_SQL_END, .autocommit = true, .in_transaction = true},
		RETRY_SHOW_UNKNOWN},
	{"what can be executed only once",
		{NEVER_SENT, PEL_SQL_READ, .autocommit = true, .once = true}, RETRY_SHOW_CHANGED},
	{"PELORUS_RETRY=off", {NEVER_SENT, PEL_SQL_READ, RETRY_OFF, .autocommit = true},
		RETRY_SHOW_CHANGED},
	{"a reset in a dirty session in a transaction",
		{IN_FLIGHT, PEL_SQL_READ, .dirty = true, .in_transaction = true, .resets = true},
		RETRY_AGAIN},
	{"a reset with PELORUS_RETRY=off", {IN_FLIGHT, PEL_SQL_READ, RETRY_OFF, .resets = true},
		RETRY_SHOW_CHANGED},
};

static void every_situation_has_its_action(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (retry_decide(&rows[i].s) != rows[i].action)
			fail_msg("%s", rows[i].title);
	}
}

/* Nothing that may have effects is executed again in doubt, whatever else holds. */
static void an_effect_in_doubt_is_never_repeated(void **state)
{
	for (unsigned bits = 0; bits < 64; bits++) {
		for (unsigned class = PEL_SQL_DIRTY; class <= PEL_SQL_END; class ++) {
			struct retry_situation s = {
				.cause = IN_FLIGHT,
				.class = (enum pel_sql_class) class,
				.retry = bits & 1 ? RETRY_OFF : RETRY_SAFE,
				.autocommit = bits & 2,
				.in_transaction = bits & 4,
				.dirty = bits & 8,
				.once = bits & 16,
			};

			if (class == PEL_SQL_DIRTY || class == PEL_SQL_WRITE ||
				class == PEL_SQL_PEEK || class == PEL_SQL_END)
				assert_int_not_equal(retry_decide(&s), RETRY_AGAIN);
		}
	}
}

static void errors_have_causes(void **state)
{
	assert_int_equal(retry_cause_of(2006), NEVER_SENT);
	assert_int_equal(retry_cause_of(2013), IN_FLIGHT);
	assert_int_equal(retry_cause_of(2026), IN_FLIGHT);
	assert_int_equal(retry_cause_of(2055), IN_FLIGHT);
	assert_int_equal(retry_cause_of(1053), IN_FLIGHT);
	assert_int_equal(retry_cause_of(1290), REFUSED);
	assert_int_equal(retry_cause_of(1792), REFUSED);
	assert_int_equal(retry_cause_of(1836), REFUSED);
	assert_int_equal(retry_cause_of(1062), CAUSE_NONE);
	assert_int_equal(retry_cause_of(2014), CAUSE_NONE);
	assert_int_equal(retry_cause_of(0), CAUSE_NONE);
}

static void actions_have_sqlstates(void **state)
{
	assert_string_equal(retry_sqlstate_of(RETRY_SHOW_CHANGED), "08S02");
	assert_string_equal(retry_sqlstate_of(RETRY_SHOW_UNKNOWN), "08007");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_situation_has_its_action),
		cmocka_unit_test(an_effect_in_doubt_is_never_repeated),
		cmocka_unit_test(errors_have_causes),
		cmocka_unit_test(actions_have_sqlstates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
