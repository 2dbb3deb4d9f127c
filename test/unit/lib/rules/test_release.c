/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* So many seconds after the beginning, of a wait of thirty. */
#define AT(s) .now_ns = (s)*S, .until_ns = 30 * S

static const struct {
	const char *text;
	struct release_look look;
	enum release release;
} rows[] = {
	{"no writer yet: a thread goes on waiting", {.verdict = ROUTE_WAIT, AT(9)}, RELEASE_KEEP},
	{"a parked one, too", {.verdict = ROUTE_WAIT, AT(9), .parked_at = 7, .park = 7},
		RELEASE_KEEP},
	{"its time is over", {.verdict = ROUTE_WAIT, AT(30)}, RELEASE_REFUSE},
	{"a parked one's, though the place is another",
		{.verdict = ROUTE_WAIT, AT(30), .parked_at = 7, .park = 8}, RELEASE_REFUSE},
	{"the place is another", {.verdict = ROUTE_WAIT, AT(9), .parked_at = 7, .park = 8},
		RELEASE_REPARK},
	{"there is no place any more", {.verdict = ROUTE_WAIT, AT(9), .parked_at = 7},
		RELEASE_REFUSE},
	{"a writer", {.verdict = ROUTE_INSTANCE, .leads = true, AT(9)}, RELEASE_GO},
	{"a writer, and its moment is not yet",
		{.verdict = ROUTE_INSTANCE, .leads = true, AT(9), .due_ns = 9 * S + MS},
		RELEASE_KEEP},
	{"... nor would be before its time is over",
		{.verdict = ROUTE_INSTANCE,
			.leads = true,
			.now_ns = 9 * S,
			.until_ns = 9 * S,
			.due_ns = 10 * S},
		RELEASE_GO},
	{"what it leads to would be severed at once",
		{.verdict = ROUTE_DNS, .leads = true, .wrong = true, AT(9)}, RELEASE_KEEP},
	{"... for ever", {.verdict = ROUTE_DNS, .leads = true, .wrong = true, AT(31)},
		RELEASE_REFUSE},
	{"the prober is gone, and DNS leads", {.verdict = ROUTE_DNS, .leads = true, AT(9)},
		RELEASE_GO},
	{"the prober is gone, and nobody knows an address", {.verdict = ROUTE_DNS, AT(9)},
		RELEASE_REFUSE},
	{"the prober begins", {.verdict = ROUTE_DNS, .leads = true, .starting = true, AT(9)},
		RELEASE_KEEP},
	{"nobody awaits a writer any more: not to DNS, which may lead to a reader",
		{.verdict = ROUTE_DNS, .leads = true, .over = true, AT(9)}, RELEASE_REFUSE},
	{"the configuration wants no other instance", {.verdict = ROUTE_REFUSE, AT(9)},
		RELEASE_REFUSE},
};

static void what_becomes_of_a_connect_that_waits(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (release_decide(&rows[i].look) != rows[i].release)
			fail_msg("%s", rows[i].text);
	}
}

static void a_window_grows_with_the_crowd(void **state)
{
	assert_int_equal(release_window_ns(0), 0);
	assert_int_equal(release_window_ns(1), 0);
	assert_int_equal(release_window_ns(2), 50000);
	assert_int_equal(release_window_ns(1001), 50 * MS);
	assert_int_equal(release_window_ns(5001), 250 * MS);
	assert_int_equal(release_window_ns(UINT32_MAX), 250 * MS);
}

static void a_moment_lies_within_the_window(void **state)
{
	assert_int_equal(release_due_ns(7 * S, 0, UINT64_MAX), 7 * S);
	assert_int_equal(release_due_ns(7 * S, 250 * MS, 0), 7 * S);
	assert_int_equal(release_due_ns(7 * S, 250 * MS, UINT64_C(1) << 63), 7 * S + 125 * MS);
	assert_in_range(release_due_ns(7 * S, 250 * MS, UINT64_MAX), 7 * S + 249 * MS,
		7 * S + 250 * MS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_becomes_of_a_connect_that_waits),
		cmocka_unit_test(a_window_grows_with_the_crowd),
		cmocka_unit_test(a_moment_lies_within_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
