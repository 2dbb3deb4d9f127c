/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule's connections: how soon who is lost is tried again, and how closely it is watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "schedule_world.h"

static void attempts_are_fast_while_the_alarm_is(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	w->refuses[1] = true;
	schedule_lost(&w->s, 1, w->now);
	w->ends[1] = 0;
	world_run(w, 9900);
	BETWEEN(155, w->count[1][SCHEDULE_CONNECT], 198);
	world_run(w, 5000);
	world_reset(w);
	world_run(w, 20000);
	BETWEEN(15, w->count[1][SCHEDULE_CONNECT], 21);
	free(w);
}

static void a_refusing_server_is_tried_each_20_ms_in_an_alarm(void **state)
{
	struct world *w = world_new(2);
	struct schedule_action a;

	(void)state;
	schedule_lost(&w->s, 1, w->now);
	schedule_set_alarm(&w->s, true, w->now);
	while (schedule_next(&w->s, w->now, &a) && a.kind != SCHEDULE_CONNECT)
		;
	assert_int_equal(a.slot, 1);
	schedule_refused(&w->s, 1, w->now + MS);
	assert_int_equal(w->s.slots[1].next_ns, w->now + 20 * MS);
	free(w);
}

/* Behind a black hole the promoted reader restarts before its writer's silence is an alarm. */
static void a_server_that_restarts_is_tried_each_20_ms_without_an_alarm(void **state)
{
	struct world *w = world_new(2);
	struct schedule_action a;

	(void)state;
	w->ends[1] = 0;
	schedule_lost(&w->s, 1, w->now);
	for (unsigned i = 0; i < 400; i++) {
		while (schedule_next(&w->s, w->now, &a) && a.slot != 1)
			schedule_answered(&w->s, a.slot, w->now);
		assert_int_equal(a.kind, SCHEDULE_CONNECT);
		schedule_refused(&w->s, 1, w->now);
		assert_int_equal(w->s.slots[1].next_ns, w->now + 20 * MS);
		w->now += 20 * MS;
	}
	w->now += 2000 * MS;
	while (schedule_next(&w->s, w->now, &a) && a.slot != 1)
		schedule_answered(&w->s, a.slot, w->now);
	schedule_refused(&w->s, 1, w->now);
	assert_true(w->s.slots[1].next_ns >= w->now + 1000 * MS);
	free(w);
}

static void who_is_back_is_asked_each_20_ms_for_a_while(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	w->ends[1] = 0;
	schedule_lost(&w->s, 1, w->now);
	world_run(w, 1000);
	BETWEEN(47, statements(w, 1), 51);
	assert_true(w->closest[1] >= MS);
	BETWEEN(1, statements(w, 2), 3);
	world_run(w, 9500);
	world_reset(w);
	world_run(w, 10000);
	BETWEEN(19, statements(w, 1), 21);
	free(w);
}

static void who_is_back_late_in_an_alarm_is_asked_each_20_ms(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 30000);
	w->ends[1] = 0;
	schedule_lost(&w->s, 1, w->now);
	world_reset(w);
	world_run(w, 1000);
	BETWEEN(47, statements(w, 1), 51);
	BETWEEN(9, statements(w, 2), 11);
	free(w);
}

static void attempts_back_off_to_a_second(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	w->refuses[1] = true;
	schedule_add(&w->s, 1, w->now);
	world_run(w, 1000);
	BETWEEN(4, w->count[1][SCHEDULE_CONNECT], 7);
	assert_true(w->closest[1] >= 50 * MS || w->count[1][SCHEDULE_CONNECT] == 0);
	world_run(w, 5000);
	world_reset(w);
	world_run(w, 20000);
	BETWEEN(15, w->count[1][SCHEDULE_CONNECT], 21);
	free(w);
}

static void never_more_than_twenty_attempts_a_second(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	w->refuses[1] = true;
	schedule_lost(&w->s, 1, w->now);
	w->ends[1] = 0;
	/* An alarm that comes and goes starts the back-off over, never faster than its first step.
	 */
	for (unsigned i = 0; i < 20; i++) {
		schedule_set_alarm(&w->s, i % 2 == 0, w->now);
		world_run(w, 50);
	}
	BETWEEN(5, w->count[1][SCHEDULE_CONNECT], 20);
	assert_true(w->closest[1] >= 50 * MS);
	free(w);
}

static void attempts_have_jitter(void **state)
{
	uint64_t first[8], differ = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct schedule s;
		struct schedule_action a;

		schedule_init(&s, i + 1, START);
		schedule_add(&s, 0, START);
		assert_true(schedule_next(&s, START, &a));
		schedule_lost(&s, 0, START + MS);
		first[i] = schedule_deadline(&s, START + MS);
		BETWEEN(START + 50 * MS, first[i], START + 63 * MS);
		differ += i > 0 && first[i] != first[0];
	}
	assert_true(differ > 0);
}

static void a_lost_connection_is_made_again_at_once(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_lost(&w->s, 1, w->now);
	assert_int_equal(schedule_deadline(&w->s, w->now), w->now);
	free(w);
}

static void a_login_is_never_given_up_half_way(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_lost(&w->s, 1, w->now);
	w->ends[1] = 0;
	w->rtt[1] = 3000 * MS;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 2900);
	assert_int_equal(w->count[1][SCHEDULE_CONNECT], 1);
	free(w);
}

/* Where no login may begin: until then, or until there is another way in. */
static void who_rests_is_left_alone(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	w->refuses[1] = true;
	schedule_lost(&w->s, 1, w->now);
	w->ends[1] = 0;
	schedule_rest(&w->s, 1, w->now + 10000 * MS);
	world_run(w, 9900);
	assert_int_equal(w->count[1][SCHEDULE_CONNECT], 0);
	world_run(w, 120);
	assert_int_equal(w->count[1][SCHEDULE_CONNECT], 1);
	schedule_rest(&w->s, 1, NEVER);
	world_run(w, 600000);
	assert_int_equal(w->count[1][SCHEDULE_CONNECT], 1);
	schedule_retry(&w->s, 1, w->now);
	world_run(w, 10);
	assert_int_equal(w->count[1][SCHEDULE_CONNECT], 2);
	free(w);
}

/* Who may not log in at all is asked about again and again, and never without a pause. */
static void a_rest_that_is_over_is_no_loop(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_lost(&w->s, 1, w->now);
	for (unsigned i = 0; i < 20; i++) {
		struct schedule_action a;

		while (schedule_next(&w->s, w->now, &a) && a.slot != 1)
			schedule_answered(&w->s, a.slot, w->now);
		schedule_rest(&w->s, 1, w->now);
		assert_true(w->s.slots[1].next_ns >= w->now + 50 * MS);
		w->now += 50 * MS;
	}
	free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(attempts_are_fast_while_the_alarm_is),
		cmocka_unit_test(a_refusing_server_is_tried_each_20_ms_in_an_alarm),
		cmocka_unit_test(a_server_that_restarts_is_tried_each_20_ms_without_an_alarm),
		cmocka_unit_test(who_is_back_is_asked_each_20_ms_for_a_while),
		cmocka_unit_test(who_is_back_late_in_an_alarm_is_asked_each_20_ms),
		cmocka_unit_test(attempts_back_off_to_a_second),
		cmocka_unit_test(never_more_than_twenty_attempts_a_second),
		cmocka_unit_test(attempts_have_jitter),
		cmocka_unit_test(a_lost_connection_is_made_again_at_once),
		cmocka_unit_test(a_login_is_never_given_up_half_way),
		cmocka_unit_test(who_rests_is_left_alone),
		cmocka_unit_test(a_rest_that_is_over_is_no_loop),
	};

	return cmocka_run_group_tests_name("schedule_connect", tests, NULL, NULL);
}
