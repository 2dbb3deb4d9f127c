/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: order of timers, removal while dispatching, pauses, signals. */
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t clock_now;

static uint64_t fake_now(void *ctx)
{
	return clock_now;
}

static void fake_idle(void *ctx, uint64_t until_ns)
{
	clock_now = until_ns;
}

static struct loop *fake_loop(void)
{
	const struct loop_clock clock = {.now_ns = fake_now, .idle = fake_idle};
	struct loop *loop;

	clock_now = 1000 * LOOP_S;
	assert_int_equal(loop_new(&clock, &loop), 0);
	return loop;
}

struct shot {
	struct loop *loop;
	struct loop_timer timer;
	struct shot *other;
	uint64_t fired_ns;
	int count;
};

static void shot_fire(void *ctx)
{
	struct shot *s = ctx;

	s->fired_ns = clock_now;
	s->count++;
}

static void stop_now(void *ctx)
{
	loop_stop(ctx, 42);
}

static void fire_and_note(void *ctx)
{
	struct shot *s = ctx;

	assert_int_equal(clock_now, s->fired_ns);
	s->count++;
}

static void each_timer_fires_once_and_at_its_own_time(void **state)
{
	enum { N = 500 };
	struct loop *loop = fake_loop();
	struct shot *shots = calloc(N, sizeof(*shots));
	struct loop_timer end;

	for (int i = 0; i < N; i++) {
		loop_timer_init(&shots[i].timer, fire_and_note, &shots[i]);
		loop_timer_set_in(loop, &shots[i].timer, 5 * LOOP_S);
	}
	for (int i = 0; i < N; i++) {
		shots[i].fired_ns = clock_now + (uint64_t)((i * 37) % 101 + 1) * LOOP_MS;
		loop_timer_set(loop, &shots[i].timer, shots[i].fired_ns);
		if (i % 3 == 1)
			loop_timer_stop(loop, &shots[i].timer);
	}
	loop_timer_init(&end, stop_now, loop);
	loop_timer_set_in(loop, &end, LOOP_S);
	assert_int_equal(loop_run(loop), 42);
	for (int i = 0; i < N; i++) {
		assert_int_equal(shots[i].count, i % 3 == 1 ? 0 : 1);
		assert_false(loop_timer_is_set(&shots[i].timer));
	}
	loop_free(loop);
	free(shots);
}

static void fire_stops_other(void *ctx)
{
	struct shot *s = ctx;

	s->count++;
	loop_timer_stop(s->loop, &s->other->timer);
}

static void a_timer_may_stop_another_that_is_due_too(void **state)
{
	struct loop *loop = fake_loop();
	struct shot a = {.loop = loop}, b = {.loop = loop};

	a.other = &b;
	b.other = &a;
	loop_timer_init(&a.timer, fire_stops_other, &a);
	loop_timer_init(&b.timer, fire_stops_other, &b);
	loop_timer_set(loop, &a.timer, clock_now);
	loop_timer_set(loop, &b.timer, clock_now);
	clock_now += LOOP_S;
	assert_int_equal(loop_step(loop), 0);
	assert_int_equal(a.count + b.count, 1);
	loop_free(loop);
}

static void fire_again_at_once(void *ctx)
{
	struct shot *s = ctx;

	s->count++;
	loop_timer_set(s->loop, &s->timer, 0);
}

static void a_timer_that_sets_itself_leaves_room_for_others(void **state)
{
	struct loop *loop = fake_loop();
	struct shot s = {.loop = loop};

	loop_timer_init(&s.timer, fire_again_at_once, &s);
	loop_timer_set(loop, &s.timer, 0);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(loop_step(loop), 0);
		assert_true(s.count <= i);
	}
	assert_true(s.count >= 2);
	loop_timer_stop(loop, &s.timer);
	loop_free(loop);
}

struct end {
	struct loop *loop;
	struct loop_io *io;
	struct end *peer;
	int fd;
	int count;
};

/* Frees the peer's embedded watch from within a callback of the same round. */
static void ready_frees_peer(void *ctx, uint32_t events)
{
	struct end *e = ctx;

	e->count++;
	if (e->peer->io) {
		loop_io_remove(e->loop, e->peer->io);
		free(e->peer->io);
		e->peer->io = NULL;
	}
	loop_io_remove(e->loop, e->io);
	free(e->io);
	e->io = NULL;
}

static void a_callback_may_remove_and_free_any_watch(void **state)
{
	struct loop *loop;
	struct end ends[2] = {0};
	int pipes[2][2];

	assert_int_equal(loop_new(NULL, &loop), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		ends[i] = (struct end){.loop = loop, .peer = &ends[!i], .fd = pipes[i][0]};
		ends[i].io = malloc(sizeof(*ends[i].io));
		assert_int_equal(loop_io_add(loop, ends[i].io, pipes[i][0], EPOLLIN,
					 ready_frees_peer, &ends[i]),
			0);
	}
	assert_int_equal(loop_step(loop), 0);
	assert_int_equal(ends[0].count + ends[1].count, 1);
	assert_null(ends[0].io);
	assert_null(ends[1].io);
	for (int i = 0; i < 4; i++)
		(void)close(pipes[i / 2][i % 2]);
	loop_free(loop);
}

static void real_timers_are_not_early_and_hardly_late(void **state)
{
	struct loop *loop;
	struct shot s = {0};
	uint64_t start;

	assert_int_equal(loop_new(NULL, &loop), 0);
	loop_timer_init(&s.timer, shot_fire, &s);
	start = loop_now_ns(loop);
	loop_timer_set(loop, &s.timer, start + 5 * LOOP_MS);
	while (s.count == 0)
		assert_int_equal(loop_step(loop), 0);
	assert_true(loop_now_ns(loop) >= start + 5 * LOOP_MS);
	assert_true(loop_now_ns(loop) < start + 5 * LOOP_S);
	loop_free(loop);
}

static void oversleep(void *ctx, uint64_t until_ns)
{
	clock_now = until_ns + *(uint64_t *)ctx;
}

static void a_late_round_is_seen_as_a_pause(void **state)
{
	static const struct {
		uint64_t late_ns;
		bool pause;
	} cases[] = {
		{0, false},
		{LOOP_PAUSE_NS, false},
		{LOOP_PAUSE_NS + 1, true},
		{15 * LOOP_S, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t late = cases[i].late_ns, due;
		struct loop_clock clock = {.now_ns = fake_now, .idle = oversleep, .ctx = &late};
		struct shot s = {0};
		struct loop *loop;

		assert_int_equal(loop_new(&clock, &loop), 0);
		due = clock_now + 10 * LOOP_MS;
		loop_timer_init(&s.timer, shot_fire, &s);
		loop_timer_set(loop, &s.timer, due);
		assert_int_equal(loop_step(loop), 0);
		assert_int_equal(s.count, 1);
		assert_int_equal(loop_last_pause(loop).from_ns, cases[i].pause ? due : 0);
		assert_int_equal(loop_last_pause(loop).until_ns, cases[i].pause ? clock_now : 0);
		loop_free(loop);
	}
}

static void fire_slowly(void *ctx)
{
	clock_now += 2 * LOOP_S;
}

static void a_callback_that_takes_long_is_a_pause_too(void **state)
{
	struct loop *loop = fake_loop();
	struct loop_timer timer;

	loop_timer_init(&timer, fire_slowly, NULL);
	loop_timer_set_in(loop, &timer, LOOP_MS);
	assert_int_equal(loop_step(loop), 0);
	assert_int_equal(loop_last_pause(loop).until_ns, clock_now);
	loop_free(loop);
}

static void caught(void *ctx, int signo)
{
	*(int *)ctx = signo;
}

static void signals_arrive_as_calls(void **state)
{
	struct loop *loop;
	int seen = 0;
	sigset_t set;

	assert_int_equal(loop_new(NULL, &loop), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(loop_signals(loop, &set, caught, &seen), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(loop_step(loop), 0);
	assert_int_equal(seen, SIGUSR1);
	loop_free(loop);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void run_returns_what_stop_was_given(void **state)
{
	struct loop *loop = fake_loop();
	struct loop_timer timer;

	loop_timer_init(&timer, stop_now, loop);
	loop_timer_set_in(loop, &timer, LOOP_S);
	assert_int_equal(loop_run(loop), 42);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_timer_fires_once_and_at_its_own_time),
		cmocka_unit_test(a_timer_may_stop_another_that_is_due_too),
		cmocka_unit_test(a_timer_that_sets_itself_leaves_room_for_others),
		cmocka_unit_test(a_callback_may_remove_and_free_any_watch),
		cmocka_unit_test(real_timers_are_not_early_and_hardly_late),
		cmocka_unit_test(a_late_round_is_seen_as_a_pause),
		cmocka_unit_test(a_callback_that_takes_long_is_a_pause_too),
		cmocka_unit_test(signals_arrive_as_calls),
		cmocka_unit_test(run_returns_what_stop_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
