/* SPDX-License-Identifier: Apache-2.0 */
/* Followed names: found by name and by address, made by threads, and what is kept of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"

#include "known/block.h"
#include "known/followed.h"
#include "base/process.h"

#define THREADS 8
#define ROUNDS 40

static void a_name_is_found_by_name_and_by_both_addresses(void **state)
{
	const char *name = "w.cluster-abc.us-east-1.rds.amazonaws.com";
	uint64_t hash = pel_name_hash(name);
	struct pel_addr v4 = {.family = 4, .port = 77}, v6 = {.family = 6};
	struct followed *f, *again;

	assert_int_equal(followed_add(name, hash, PEL_ROLE_WRITER, &f), 0);
	assert_int_equal(followed_add(name, hash, PEL_ROLE_WRITER, &again), 0);
	assert_ptr_equal(f, again);
	assert_ptr_equal(followed_find_name(name, hash), f);
	for (int i = 0; i < 4; i++)
		v4.ip[i] = (uint8_t)(f->virtual4 >> (24 - 8 * i));
	memcpy(v6.ip, f->virtual6, 16);
	assert_ptr_equal(followed_find_addr(&v4), f);
	assert_ptr_equal(followed_find_addr(&v6), f);
	assert_true(block_has(&v4));
	assert_true(block_has(&v6));
	v4.ip[0] = 10;
	assert_false(block_has(&v4));
	assert_null(followed_find_addr(&v4));
}

static void a_second_name_at_the_same_address_is_refused(void **state)
{
	char text[64];
	struct followed *f;
	uint32_t seen[1200];
	unsigned n = 0;

	/* Two of so many names share one of 65,533 places, by the birthday paradox. */
	for (unsigned i = 0; i < 1200; i++) {
		uint64_t hash;

		snprintf(text, sizeof(text), "n%u.example.com", i);
		hash = pel_name_hash(text);
		seen[i] = pel_virtual4(hash, PEL_VNET4, PEL_VNET4_BITS);
		for (n = 0; n < i && seen[n] != seen[i]; n++)
			;
		if (n == i)
			continue;
		assert_int_equal(followed_add(text, hash, PEL_ROLE_WRITER, &f), 0);
		snprintf(text, sizeof(text), "n%u.example.com", n);
		assert_int_equal(followed_add(text, pel_name_hash(text), PEL_ROLE_WRITER, &f),
			-EEXIST);
		return;
	}
	fail_msg("no collision among 1200 names");
}

struct meeting {
	pthread_barrier_t barrier;
	char name[PEL_NAME_MAX];
	struct followed *made[THREADS];
	int r[THREADS];
};

struct guest {
	struct meeting *meeting;
	unsigned number;
};

static void *make_one(void *ctx)
{
	struct guest *guest = ctx;
	struct meeting *m = guest->meeting;

	(void)pthread_barrier_wait(&m->barrier);
	m->r[guest->number] = followed_add(m->name, pel_name_hash(m->name), PEL_ROLE_WRITER,
		&m->made[guest->number]);
	return NULL;
}

/* Threads that start together look the same name up together: none may be left to DNS. */
static void threads_that_make_one_together_all_get_it(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct guest guests[THREADS];
		pthread_t threads[THREADS];
		struct meeting m = {0};
		unsigned before = followed_count();

		(void)snprintf(m.name, sizeof(m.name), "c%u.example", round);
		assert_int_equal(pthread_barrier_init(&m.barrier, NULL, THREADS), 0);
		for (unsigned i = 0; i < THREADS; i++) {
			guests[i] = (struct guest){&m, i};
			assert_int_equal(pthread_create(&threads[i], NULL, make_one, &guests[i]),
				0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		(void)pthread_barrier_destroy(&m.barrier);
		assert_int_equal(followed_count(), before + 1);
		for (unsigned i = 0; i < THREADS; i++) {
			assert_int_equal(m.r[i], 0);
			assert_ptr_equal(m.made[i], followed_at(before));
		}
	}
}

/* The other maker is slow here: it ends some yields after this one has begun. */
static void a_making_that_takes_a_moment_is_waited_for(void **state)
{
	struct meeting m = {.name = "moment.example"};
	struct guest guest = {&m, 0};
	pthread_t thread;

	assert_int_equal(pthread_barrier_init(&m.barrier, NULL, 2), 0);
	atomic_store(&process_get()->making, 1);
	assert_int_equal(pthread_create(&thread, NULL, make_one, &guest), 0);
	(void)pthread_barrier_wait(&m.barrier);
	for (int i = 0; i < 200; i++)
		(void)sched_yield();
	atomic_store(&process_get()->making, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)pthread_barrier_destroy(&m.barrier);
	assert_int_equal(m.r[0], 0);
	assert_ptr_equal(m.made[0], followed_find_name(m.name, pel_name_hash(m.name)));
}

static void a_making_that_was_interrupted_is_not_waited_for_in_vain(void **state)
{
	static const char name[] = "interrupted.example";
	struct followed *f;

	atomic_store(&process_get()->making, 1);
	assert_int_equal(followed_add(name, pel_name_hash(name), PEL_ROLE_WRITER, &f), -EBUSY);
	atomic_store(&process_get()->making, 0);
	assert_int_equal(followed_add(name, pel_name_hash(name), PEL_ROLE_WRITER, &f), 0);
	assert_string_equal(f->name, name);
}

static void a_pin_ends_with_a_failure_at_its_address(void **state)
{
	struct pel_addr here = {.family = 4, .port = 3306, .ip = {10, 0, 0, 1}}, there = here, read;
	static const char name[] = "pinned.example";
	struct followed *f;

	assert_int_equal(followed_add(name, pel_name_hash(name), PEL_ROLE_WRITER, &f), 0);
	there.ip[3] = 2;
	assert_false(followed_unpin(f, &here));
	followed_pin(f, &here);
	assert_false(followed_unpin(f, &there));
	assert_true(followed_pinned(f, &read));
	here.port = 1;
	assert_true(followed_is_pinned_to(f, &here));
	assert_true(followed_unpin(f, &here));
	assert_false(followed_pinned(f, &read));
}

static void what_dns_said_is_kept_and_replaced(void **state)
{
	struct pel_addr addrs[PEL_MAP_ADDRS + 2] = {{.family = 4, .ip = {10, 0, 0, 1}}};
	struct followed_dns dns;
	struct followed *f;

	assert_int_equal(followed_add("dns.example.com", 4711, PEL_ROLE_WRITER, &f), 0);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, 0);
	followed_set_dns(f, addrs, 1, 5);
	followed_set_dns(f, addrs, 0, 6);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, 1);
	assert_int_equal(dns.seen_ns, 5);
	followed_set_dns(f, addrs, PEL_MAP_ADDRS + 2, 7);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, PEL_MAP_ADDRS);
}

static void an_exclusion_ends(void **state)
{
	struct pel_hot hot = {.n_instances = 3,
		.instances = {{.identity = 11}, {.identity = 12}, {.identity = 13}}};
	struct followed *f;

	assert_int_equal(followed_add("ex.example.com", 4712, PEL_ROLE_WRITER, &f), 0);
	assert_int_equal(followed_excluded(f, &hot, 1), 0);
	followed_exclude(f, 12, 100);
	followed_exclude(f, 13, 50);
	assert_int_equal(followed_excluded(f, &hot, 1), 6);
	assert_int_equal(followed_excluded(f, &hot, 60), 2);
	assert_int_equal(followed_excluded(f, &hot, 100), 0);
	for (uint64_t i = 0; i < 2 * FOLLOWED_EXCLUDED; i++)
		followed_exclude(f, 100 + i, 1000 + i);
	followed_exclude(f, 11, 2000);
	assert_int_equal(followed_excluded(f, &hot, 1), 1);
}

static void names_end_where_the_room_does(void **state)
{
	struct followed *f;
	char name[PEL_NAME_MAX];
	int r = 0;

	for (unsigned i = 0; i <= FOLLOWED_MAX && r == 0; i++) {
		(void)snprintf(name, sizeof(name), "more%u.example", i);
		r = followed_add(name, pel_name_hash(name), PEL_ROLE_READER, &f);
		assert_true(r != 0 || followed_find_name(name, pel_name_hash(name)) == f);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(followed_count(), FOLLOWED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_by_name_and_by_both_addresses),
		cmocka_unit_test(a_second_name_at_the_same_address_is_refused),
		cmocka_unit_test(threads_that_make_one_together_all_get_it),
		cmocka_unit_test(a_making_that_takes_a_moment_is_waited_for),
		cmocka_unit_test(a_making_that_was_interrupted_is_not_waited_for_in_vain),
		cmocka_unit_test(a_pin_ends_with_a_failure_at_its_address),
		cmocka_unit_test(what_dns_said_is_kept_and_replaced),
		cmocka_unit_test(an_exclusion_ends),
		cmocka_unit_test(names_end_where_the_room_does),
	};

	return cmocka_run_group_tests_name("followed", tests, NULL, NULL);
}
