/* SPDX-License-Identifier: Apache-2.0 */
/* How soon a watch is begun again. */
#include "http/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START (1000 * LOOP_S)

/* How long each lasted, whether it told anything, and what is waited for then; in ms. */
static void one_that_ends_too_soon_is_waited_out(void **state)
{
	static const struct {
		unsigned lasted, told, wait;
	} rows[] = {
		{1, 0, 499},
		{1, 0, 999},
		{1, 0, 1999},
		{3000, 0, 1000},
		{1, 0, 7999},
		{1, 0, 14999},
		{1, 0, 14999},
		{1, 1, 20},
		{1, 0, 499},
		{6000, 0, 20},
		{1, 0, 499},
		{500, 0, 500},
	};
	struct watch w = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		watch_begin(&w, START);
		w.told = rows[i].told;
		assert_int_equal(watch_end(&w, START + rows[i].lasted * LOOP_MS, 0) / LOOP_MS,
			rows[i].wait);
	}
}

static void an_index_that_grows_alone_is_asked_for_at_the_usual_pace(void **state)
{
	struct watch w = {0};

	watch_begin(&w, START);
	assert_int_equal(watch_rest_ns(&w, LOOP_S, START + 1) / LOOP_MS, 999);
	assert_int_equal(watch_rest_ns(&w, LOOP_S, START + 9 * LOOP_S), WATCH_GAP_NS);
	assert_int_equal(watch_rest_ns(&w, 0, START), WATCH_GAP_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_ends_too_soon_is_waited_out),
		cmocka_unit_test(an_index_that_grows_alone_is_asked_for_at_the_usual_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
