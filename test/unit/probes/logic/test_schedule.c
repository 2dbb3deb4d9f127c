/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rhythm of questions, against a world that answers: the schedule is run for a while,
 * everything it asks is counted, and the rates are compared with those that the design promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "schedule_world.h"

static void a_new_member_is_connected_at_once(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct schedule_action a;

	(void)state;
	schedule_init(&w->s, 1, START);
	assert_int_equal(schedule_deadline(&w->s, START), NEVER);
	schedule_add(&w->s, 3, START);
	assert_int_equal(schedule_deadline(&w->s, START), START);
	assert_true(schedule_next(&w->s, START, &a));
	assert_int_equal(a.slot, 3);
	assert_int_equal(a.kind, SCHEDULE_CONNECT);
	assert_false(schedule_next(&w->s, START, &a));
	assert_int_equal(schedule_deadline(&w->s, START), NEVER);
	free(w);
}

static void steady_asks_everybody_each_half_second(void **state)
{
	struct world *w = world_new(16);

	(void)state;
	world_run(w, 60000);
	for (unsigned i = 0; i < 16; i++) {
		BETWEEN(119, statements(w, i), 121);
		assert_int_equal(w->count[i][SCHEDULE_CONNECT], 0);
	}
	free(w);
}

static void steady_may_be_quicker_for_a_while(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	schedule_set_steady(&w->s, PACE_GREEN_NOW, w->now);
	world_run(w, 1000);
	for (unsigned i = 0; i < 3; i++)
		BETWEEN(45, statements(w, i), 51);
	schedule_set_steady(&w->s, PACE_ROLE, w->now);
	memset(w->count, 0, sizeof(w->count));
	world_run(w, 10000);
	for (unsigned i = 0; i < 3; i++)
		BETWEEN(19, statements(w, i), 21);
	free(w);
}

/* A handover that breaks nothing is seen by nothing else. */
static void steady_may_watch_the_writer_alone(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	schedule_set_writer(&w->s, 0, PACE_ROLE_QUIET);
	world_run(w, 10000);
	BETWEEN(95, statements(w, 0), 101);
	BETWEEN(9, w->count[0][SCHEDULE_TABLE], 11);
	BETWEEN(19, statements(w, 1), 21);
	schedule_set_steady(&w->s, PACE_GREEN_NOW, w->now);
	memset(w->count, 0, sizeof(w->count));
	world_run(w, 1000);
	BETWEEN(45, statements(w, 0), 51);
	free(w);
}

static void steady_asks_the_writer_for_the_table_each_second(void **state)
{
	struct world *w = world_new(16);

	(void)state;
	world_run(w, 60000);
	BETWEEN(59, w->count[0][SCHEDULE_TABLE], 61);
	BETWEEN(59, w->count[0][SCHEDULE_ROLE], 61);
	free(w);
}

static void steady_asks_the_others_in_turn(void **state)
{
	struct world *w = world_new(16);
	unsigned all = 0;

	(void)state;
	world_run(w, 150000);
	for (unsigned i = 1; i < 16; i++) {
		BETWEEN(9, w->count[i][SCHEDULE_TABLE], 11);
		all += w->count[i][SCHEDULE_TABLE];
	}
	BETWEEN(149, all, 151);
	free(w);
}

static void an_alarm_asks_the_role_each_20_ms(void **state)
{
	struct world *w = world_new(16);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 1000);
	for (unsigned i = 0; i < 16; i++) {
		BETWEEN(49, statements(w, i), 51);
		assert_true(w->closest[i] >= 20 * MS);
	}
	free(w);
}

static void an_alarm_begins_at_once(void **state)
{
	struct world *w = world_new(3);
	struct schedule_action a;

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(schedule_next(&w->s, w->now, &a));
		assert_true(a.kind == SCHEDULE_ROLE || a.kind == SCHEDULE_TABLE);
	}
	assert_false(schedule_next(&w->s, w->now, &a));
	free(w);
}

static void an_alarm_asks_for_the_table_each_250_ms(void **state)
{
	struct world *w = world_new(8);
	unsigned n = 0;

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 5000);
	for (unsigned i = 0; i < 8; i++)
		n += w->count[i][SCHEDULE_TABLE];
	BETWEEN(17, n, 21);
	assert_true(w->closest_table >= 250 * MS);
	free(w);
}

static void one_that_does_not_answer_keeps_nobody_from_the_table(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	w->rtt[0] = w->rtt[2] = NEVER;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 5000);
	BETWEEN(17, w->count[1][SCHEDULE_TABLE], 21);
	assert_int_equal(statements(w, 0), 1);
	free(w);
}

static void a_slow_server_has_one_question_at_a_time(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	w->rtt[1] = 130 * MS;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 1300);
	BETWEEN(9, statements(w, 1), 11);
	BETWEEN(60, statements(w, 2), 66);
	free(w);
}

static void an_alarm_tires(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 10000);
	BETWEEN(470, statements(w, 1), 501);
	world_reset(w);
	world_run(w, 10000);
	BETWEEN(98, statements(w, 1), 102);
	world_run(w, 40000);
	world_reset(w);
	world_run(w, 20000);
	BETWEEN(18, statements(w, 1), 21);
	free(w);
}

static void an_alarm_that_is_told_again_does_not_begin_anew(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 10000);
	schedule_set_alarm(&w->s, true, w->now);
	world_reset(w);
	world_run(w, 1000);
	BETWEEN(8, statements(w, 1), 12);
	free(w);
}

/* The writer's connections are lost one after the other, say. */
static void an_alarm_that_begins_anew_keeps_its_pace(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		schedule_set_alarm(&w->s, false, w->now);
		schedule_set_alarm(&w->s, true, w->now);
		world_run(w, 10);
	}
	BETWEEN(45, statements(w, 1), 51);
	free(w);
}

static void after_an_alarm_it_is_steady(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 3000);
	schedule_set_alarm(&w->s, false, w->now);
	world_reset(w);
	world_run(w, 400);
	assert_int_equal(statements(w, 1), 0);
	world_run(w, 9600);
	BETWEEN(19, statements(w, 1), 21);
	free(w);
}

static void a_hint_buys_one_round(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	assert_true(schedule_hint(&w->s, w->now));
	world_run(w, 100);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(w->count[i][SCHEDULE_ROLE], 1);
	free(w);
}

static void a_confirmed_writer_closes_the_door_for_a_second(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	assert_true(schedule_hint(&w->s, w->now));
	assert_false(schedule_hint(&w->s, w->now));
	world_run(w, 100);
	schedule_confirmed(&w->s, w->now);
	world_run(w, 900);
	assert_false(schedule_hint(&w->s, w->now));
	world_run(w, 200);
	assert_true(schedule_hint(&w->s, w->now));
	free(w);
}

static void an_answer_from_before_the_hint_confirms_nothing(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	assert_true(schedule_hint(&w->s, w->now));
	schedule_confirmed(&w->s, w->now);
	world_run(w, 600);
	assert_true(schedule_hint(&w->s, w->now));
	free(w);
}

/* A client that sees refused writes without end costs next to nothing. */
static void endless_hints_are_cheap(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		(void)schedule_hint(&w->s, w->now);
		world_run(w, 10);
		schedule_confirmed(&w->s, w->now);
	}
	for (unsigned i = 0; i < 4; i++)
		BETWEEN(120, statements(w, i), 181);
	free(w);
}

static void endless_hints_without_a_writer_are_cheap_too(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	schedule_set_writer(&w->s, PEL_NONE, PACE_ROLE);
	for (unsigned i = 0; i < 6000; i++) {
		(void)schedule_hint(&w->s, w->now);
		world_run(w, 10);
		schedule_confirmed(&w->s, w->now);
	}
	for (unsigned i = 0; i < 4; i++)
		BETWEEN(60, w->count[i][SCHEDULE_ROLE], 121);
	free(w);
}

static void an_alarm_needs_no_hint(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	schedule_set_alarm(&w->s, true, w->now);
	assert_false(schedule_hint(&w->s, w->now));
	free(w);
}

static void a_refresh_is_never_refused(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		schedule_refresh(&w->s);
		world_run(w, 20);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(w->count[i][SCHEDULE_ROLE], 5);
	free(w);
}

static void a_removed_member_is_not_asked(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	schedule_remove(&w->s, 2);
	assert_int_equal(w->s.writer, 0);
	schedule_set_alarm(&w->s, true, w->now);
	world_run(w, 1000);
	assert_int_equal(statements(w, 2), 0);
	schedule_remove(&w->s, 0);
	assert_int_equal(w->s.writer, PEL_NONE);
	free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_member_is_connected_at_once),
		cmocka_unit_test(steady_asks_everybody_each_half_second),
		cmocka_unit_test(steady_may_be_quicker_for_a_while),
		cmocka_unit_test(steady_may_watch_the_writer_alone),
		cmocka_unit_test(steady_asks_the_writer_for_the_table_each_second),
		cmocka_unit_test(steady_asks_the_others_in_turn),
		cmocka_unit_test(an_alarm_asks_the_role_each_20_ms),
		cmocka_unit_test(an_alarm_begins_at_once),
		cmocka_unit_test(an_alarm_asks_for_the_table_each_250_ms),
		cmocka_unit_test(one_that_does_not_answer_keeps_nobody_from_the_table),
		cmocka_unit_test(a_slow_server_has_one_question_at_a_time),
		cmocka_unit_test(an_alarm_tires),
		cmocka_unit_test(an_alarm_that_is_told_again_does_not_begin_anew),
		cmocka_unit_test(an_alarm_that_begins_anew_keeps_its_pace),
		cmocka_unit_test(after_an_alarm_it_is_steady),
		cmocka_unit_test(a_hint_buys_one_round),
		cmocka_unit_test(a_confirmed_writer_closes_the_door_for_a_second),
		cmocka_unit_test(an_answer_from_before_the_hint_confirms_nothing),
		cmocka_unit_test(endless_hints_are_cheap),
		cmocka_unit_test(endless_hints_without_a_writer_are_cheap_too),
		cmocka_unit_test(an_alarm_needs_no_hint),
		cmocka_unit_test(a_refresh_is_never_refused),
		cmocka_unit_test(a_removed_member_is_not_asked),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
