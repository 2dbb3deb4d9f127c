/* SPDX-License-Identifier: Apache-2.0 */
/* The table of paces: how soon, how it grows, and the share that nothing breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/pace.h"

#include <stdbool.h>
#include <stdint.h>

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static void waits_are_those_of_the_table(void **state)
{
	static const struct {
		enum pace_kind kind;
		unsigned times;
		uint64_t wait_ns;
	} cases[] = {
		{PACE_NAME, 1, S},
		{PACE_NAME, 99, S},
		{PACE_NAME_TROUBLE, 1, 300 * MS},
		{PACE_HOST_FAILED, 1, S},
		{PACE_HOST_FAILED, 3, 4 * S},
		{PACE_HOST_FAILED, 8, 5 * S},
		{PACE_DIAL, 0, 50 * MS},
		{PACE_DIAL, 3, 200 * MS},
		{PACE_DIAL, 255, S},
		{PACE_DENIED_LOGIN, 1, 10 * S},
		{PACE_DENIED_LOGIN, 2, 20 * S},
		{PACE_DENIED_LOGIN, 6, 300 * S},
		{PACE_UNFIT_LOGIN, 4, 270 * S},
		{PACE_UNFIT_LOGIN, 99, 1800 * S},
		{PACE_CUT_LOGIN, 2, 62500 * MS / 1000},
		{PACE_CUT_LOGIN, 99, 8 * S},
		{PACE_CUT_SHORT, 1, 50 * MS},
		{PACE_CUT_SHORT, 99, 8 * S},
		{PACE_COORDINATOR, 4, 4 * S},
		{PACE_COORDINATOR, 99, 15 * S},
		{PACE_CONTROL, 1, 30 * S},
		{PACE_CONTROL, 2, 60 * S},
		{PACE_CONTROL, 99, 120 * S},
		{PACE_CONTROL_LOST, 99, 600 * S},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(pace_wait_ns(cases[i].kind, cases[i].times, 0), cases[i].wait_ns);
}

static void jitter_is_a_quarter_at_most(void **state)
{
	bool differ = false;

	for (uint64_t seed = 1; seed < 200; seed++) {
		uint64_t wait = pace_wait_ns(PACE_DIAL, 1, seed);

		assert_in_range(wait, 50 * MS, 62500 * MS / 1000);
		differ = differ || wait != pace_wait_ns(PACE_DIAL, 1, 1);
	}
	assert_true(differ);
}

/* How often, within so long, if it is done whenever it is due and orders come each 100 ms. */
static unsigned count(enum pace_kind kind, uint64_t within_ns, bool ordered, struct pace *p,
	uint64_t *now)
{
	unsigned n = 0;

	for (uint64_t end = *now + within_ns; *now < end; *now += 10 * MS) {
		if (ordered && *now % (100 * MS) == 0)
			pace_forgive(p);
		if (*now < p->due_ns)
			continue;
		n++;
		pace_next(p, kind, *now, 0);
	}
	return n;
}

static void no_share_is_broken(void **state)
{
	static const struct {
		enum pace_kind kind;
		uint64_t within_ns;
		unsigned most;
	} cases[] = {
		{PACE_LOOK_UP, 6 * S, 12},
		{PACE_LOOK_UP, S, 3},
		{PACE_OTHER_LOGIN, 60 * S, 6},
		{PACE_DENIED_LOGIN, 60 * S, 6},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pace p = {0};
		uint64_t now = 1000 * S;

		for (unsigned minute = 0; minute < 5; minute++)
			assert_in_range(count(cases[i].kind, cases[i].within_ns, true, &p, &now), 1,
				cases[i].most);
	}
}

static void another_reason_begins_anew_and_success_ends_it(void **state)
{
	struct pace p = {0};

	for (unsigned i = 0; i < 20; i++)
		pace_next(&p, PACE_CUT_LOGIN, S, 0);
	pace_next(&p, PACE_DENIED_LOGIN, S, 0);
	assert_int_equal(p.due_ns, 11 * S);
	pace_next(&p, PACE_DENIED_LOGIN, 11 * S, 0);
	assert_int_equal(p.due_ns, 31 * S);
	pace_hurry(&p);
	assert_int_equal(p.due_ns, 31 * S);
	pace_well(&p);
	assert_int_equal(p.due_ns, 0);
	pace_next(&p, PACE_DENIED_LOGIN, 31 * S, 0);
	assert_int_equal(p.due_ns, 41 * S);
	pace_forgive(&p);
	assert_in_range(p.due_ns, 0, 31 * S);
	pace_next(&p, PACE_CUT_LOGIN, 50 * S, 0);
	pace_forgive(&p);
	assert_true(p.due_ns > 50 * S);
	pace_hurry(&p);
	assert_in_range(p.due_ns, 0, 50 * S);
}

/* A server that once is late has no better certificate for that. */
static void a_reason_in_between_does_not_end_another(void **state)
{
	struct pace p = {0};

	for (unsigned i = 0; i < 3; i++)
		pace_next(&p, PACE_UNFIT_LOGIN, S, 0);
	pace_next(&p, PACE_LATE_LOGIN, 1000 * S, 0);
	assert_int_equal(p.due_ns, 1004 * S);
	pace_next(&p, PACE_UNFIT_LOGIN, 1004 * S, 0);
	assert_int_equal(p.due_ns, 1274 * S);
	pace_next(&p, PACE_LATE_LOGIN, 2000 * S, 0);
	assert_int_equal(p.due_ns, 2008 * S);
	pace_forgive(&p);
	pace_next(&p, PACE_UNFIT_LOGIN, 3000 * S, 0);
	assert_int_equal(p.due_ns, 3010 * S);
}

/* However many others come in between, and whatever they would wait for. */
static void no_reason_ends_anothers_rest(void **state)
{
	struct pace p = {0};

	for (unsigned i = 0; i < 5; i++)
		pace_next(&p, PACE_UNFIT_LOGIN, S, 0);
	pace_next(&p, PACE_CUT_LOGIN, 10000 * S, 0);
	pace_next(&p, PACE_LATE_LOGIN, 10001 * S, 0);
	pace_next(&p, PACE_UNFIT_LOGIN, 10010 * S, 0);
	assert_int_equal(p.due_ns, 11810 * S);
	pace_next(&p, PACE_LATE_LOGIN, 10100 * S, 0);
	assert_int_equal(p.due_ns, 11810 * S);
	pace_hurry(&p);
	assert_int_equal(p.due_ns, 11810 * S);
	pace_next(&p, PACE_CUT_LOGIN, 10200 * S, 0);
	assert_int_equal(p.due_ns, 11810 * S);
	pace_forgive(&p);
	assert_in_range(p.due_ns, 0, 10200 * S);
}

/* Shares are one for all logins, and each kind has its own room in it. */
static void what_was_denied_is_not_paid_by_who_is_late(void **state)
{
	struct pace p = {0};

	for (unsigned i = 0; i < 3; i++)
		pace_next(&p, PACE_OTHER_LOGIN, 1000 * S, 0);
	pace_well(&p);
	pace_next(&p, PACE_LATE_LOGIN, 1010 * S, 0);
	assert_in_range(p.due_ns, 1014 * S, 1015 * S);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_those_of_the_table),
		cmocka_unit_test(jitter_is_a_quarter_at_most),
		cmocka_unit_test(no_share_is_broken),
		cmocka_unit_test(another_reason_begins_anew_and_success_ends_it),
		cmocka_unit_test(a_reason_in_between_does_not_end_another),
		cmocka_unit_test(no_reason_ends_anothers_rest),
		cmocka_unit_test(what_was_denied_is_not_paid_by_who_is_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
