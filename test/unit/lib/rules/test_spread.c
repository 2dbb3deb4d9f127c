/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How choices spread: 10,000 questions from as many processes that start at the same instant.
 *
 * The bound is five standard deviations of a fair draw, so a fair router fails one run in a
 * million; the draws are seeded with constants, so each run is the same.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rules/route.h"
#include "topo.h"

#define CHOICES 10000

struct spread {
	unsigned count[PEL_MAP_INSTANCES];
};

enum who {
	ONE_PROCESS,    /* one process that connects again and again */
	MANY_PROCESSES, /* consecutive pids, the same instant, the same entropy of exec */
	FORKED,         /* the same, and in pid namespaces: equal pids, 1 us apart */
};

static uint64_t seed_of(enum who who, unsigned n)
{
	switch (who) {
	case MANY_PROCESSES:
		return route_random_seed(0x5eed, 1000 + n, TOPO_NOW);
	case FORKED:
		return route_random_seed(0x5eed, 7, TOPO_NOW + UINT64_C(1000) * n);
	default:
		return route_random_seed(0x5eed, 7, TOPO_NOW);
	}
}

static struct spread ask(const struct pel_hot *hot, enum who who)
{
	struct spread s = {0};
	_Atomic uint64_t random = seed_of(who, 0);
	uint64_t turn = route_random_next(&random);

	for (unsigned n = 0; n < CHOICES; n++) {
		struct route_intent intent = {.role = PEL_ROLE_READER,
			.fresh = true,
			.families = ROUTE_FAMILY4,
			.now_ns = TOPO_NOW};
		struct route got;

		if (who != ONE_PROCESS) {
			atomic_store(&random, seed_of(who, n));
			turn = route_random_next(&random);
		}
		intent.turn = turn++;
		intent.random = route_random_next(&random);
		got = route_choose(hot, &intent);
		assert_int_equal(got.verdict, ROUTE_INSTANCE);
		s.count[got.instance]++;
	}
	return s;
}

static void assert_share(unsigned count, double share)
{
	double mean = CHOICES * share, bound = 5 * sqrt(CHOICES * share * (1 - share));

	if (fabs(count - mean) > bound)
		fail_msg("%u choices, expected %.0f +- %.0f", count, mean, bound);
}

static void equals_share_evenly_by_every_selector_and_start(void **state)
{
	(void)state;
	for (unsigned selector = PEL_SELECT_RANDOM; selector <= PEL_SELECT_LEAST_LOAD; selector++) {
		for (unsigned who = ONE_PROCESS; who <= FORKED; who++) {
			struct pel_hot hot = topo("W R R R R R");
			struct spread s;

			hot.selector = (uint8_t)selector;
			s = ask(&hot, who);
			for (unsigned i = 1; i <= 5; i++)
				assert_share(s.count[i], 0.2);
		}
	}
}

static void fifteen_readers_share_evenly(void **state)
{
	struct pel_hot hot = topo("R R R R R R R W R R R R R R R R");
	struct spread s = ask(&hot, MANY_PROCESSES);

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		assert_share(s.count[i], i == 7 ? 0 : 1.0 / 15);
}

static void noise_in_lag_and_round_trip_does_not_tilt_the_share(void **state)
{
	struct pel_hot hot = topo("W R R R R");

	(void)state;
	for (unsigned i = 1; i <= 4; i++) {
		hot.instances[i].lag_ms = 5 * i;
		hot.instances[i].rtt_us = 400 + 20 * i;
		hot.instances[i].cpu_permille = (uint16_t)(200 + 20 * i);
	}
	for (unsigned selector = PEL_SELECT_LEAST_LAG; selector <= PEL_SELECT_LEAST_LOAD;
		selector++) {
		struct spread s;

		hot.selector = (uint8_t)selector;
		s = ask(&hot, MANY_PROCESSES);
		for (unsigned i = 1; i <= 4; i++)
			assert_share(s.count[i], 0.25);
	}
}

/* The best of all would get everything; of two random ones it wins each pair that it is in: 2/n. */
static void the_best_reader_gets_twice_its_share_and_no_flood(void **state)
{
	struct pel_hot hot = topo("W R R R R R R R R");

	(void)state;
	for (unsigned i = 1; i <= 8; i++) {
		hot.instances[i].lag_ms = i == 8 ? 1 : 900;
		hot.instances[i].rtt_us = i == 8 ? 150 : 5000;
		hot.instances[i].cpu_permille = i == 8 ? 5 : 700;
	}
	for (unsigned selector = PEL_SELECT_LEAST_LAG; selector <= PEL_SELECT_LEAST_LOAD;
		selector++) {
		struct spread s;

		hot.selector = (uint8_t)selector;
		s = ask(&hot, MANY_PROCESSES);
		assert_share(s.count[8], 2.0 / 8);
		for (unsigned i = 1; i < 8; i++)
			assert_share(s.count[i], 6.0 / 8 / 7);
	}
}

static void a_new_reader_gets_its_share_once_admitted(void **state)
{
	struct pel_hot hot = topo("W R R R Rn");
	struct spread before = ask(&hot, MANY_PROCESSES), after;

	(void)state;
	hot.instances[4].admission = PEL_ADMITTED;
	after = ask(&hot, MANY_PROCESSES);
	assert_int_equal(before.count[4], 0);
	for (unsigned i = 1; i <= 4; i++)
		assert_share(after.count[i], 0.25);
}

/* What is not measured must not look like the best: it yields to what is measured well. */
static void an_unmeasured_reader_is_not_the_best(void **state)
{
	struct pel_hot hot = topo("W R R R R");
	struct spread s;

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		hot.instances[i].rtt_us = 400;
	hot.instances[4].lag_ms = PEL_LAG_UNKNOWN;
	hot.selector = PEL_SELECT_LEAST_RTT;
	s = ask(&hot, MANY_PROCESSES);
	assert_int_equal(s.count[4], 0);
	hot.selector = PEL_SELECT_LEAST_LAG;
	s = ask(&hot, MANY_PROCESSES);
	assert_int_equal(s.count[4], 0);
}

/* One process alone must not lean on one reader: round robin is exact. */
static void round_robin_in_one_process_is_exact(void **state)
{
	struct pel_hot hot = topo("W R R R R R");
	struct spread s;

	(void)state;
	hot.selector = PEL_SELECT_ROUND_ROBIN;
	s = ask(&hot, ONE_PROCESS);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(s.count[i], CHOICES / 5);
}

static void seeds_differ_by_each_of_their_sources(void **state)
{
	const uint64_t seed = route_random_seed(1, 2, 3);
	_Atomic uint64_t a = seed, b = seed;

	(void)state;
	assert_int_not_equal(seed, route_random_seed(2, 2, 3));
	assert_int_not_equal(seed, route_random_seed(1, 3, 3));
	assert_int_not_equal(seed, route_random_seed(1, 2, 4));
	assert_int_equal(route_random_next(&a), route_random_next(&b));
	assert_int_not_equal(route_random_next(&a), route_random_next(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_share_evenly_by_every_selector_and_start),
		cmocka_unit_test(fifteen_readers_share_evenly),
		cmocka_unit_test(noise_in_lag_and_round_trip_does_not_tilt_the_share),
		cmocka_unit_test(the_best_reader_gets_twice_its_share_and_no_flood),
		cmocka_unit_test(a_new_reader_gets_its_share_once_admitted),
		cmocka_unit_test(an_unmeasured_reader_is_not_the_best),
		cmocka_unit_test(round_robin_in_one_process_is_exact),
		cmocka_unit_test(seeds_differ_by_each_of_their_sources),
	};

	return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
