/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings of names to virtual addresses: the look at an address, and making them from threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"

#include "known/address.h"
#include "known/block.h"
#include "known/followed.h"
#include "base/process.h"

#define THREADS 8
#define ROUNDS 40

static socklen_t make_sockaddr(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	return sizeof(*in6);
}

static const struct {
	const char *address;
	bool is_virtual;
} looks[] = {
	{"198.18.0.0", true},
	{"198.18.0.1", true},
	{"198.18.255.255", true},
	{"198.19.0.0", false},
	{"198.17.255.255", false},
	{"127.0.0.1", false},
	{"0.0.0.0", false},
	{"255.255.255.255", false},
	{"::ffff:198.18.7.9", true},
	{"::ffff:198.19.0.1", false},
	{"::ffff:127.0.0.1", false},
	{"::198.18.7.9", false},
	{"::fffe:198.18.7.9", false},
	{"1::ffff:198.18.7.9", false},
	{"::1", false},
	{"::", false},
	{"2001:2::", true},
	{"2001:2::1", true},
	{"2001:2:0:ffff:ffff:ffff:ffff:ffff", true},
	{"2001:2:1::", false},
	{"2001:1:ffff::", false},
	{"2001:db8::1", false},
	{"fe80::1", false},
};

static void an_address_is_told_by_its_leading_bits(void **state)
{
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		struct sockaddr_storage ss;
		socklen_t n = make_sockaddr(looks[i].address, &ss);
		struct pel_addr a;

		if (block_has_sockaddr((void *)&ss, n) != looks[i].is_virtual)
			fail_msg("%s", looks[i].address);
		assert_true(address_from_sockaddr((void *)&ss, n, &a));
		assert_int_equal(block_has(&a), looks[i].is_virtual);
	}
}

static void what_is_no_whole_address_is_not_virtual(void **state)
{
	struct sockaddr_storage ss;
	socklen_t n = make_sockaddr("198.18.0.1", &ss);

	assert_false(block_has_sockaddr(NULL, n));
	assert_false(block_has_sockaddr((void *)&ss, 0));
	assert_false(block_has_sockaddr((void *)&ss, n - 1));
	ss.ss_family = AF_UNIX;
	assert_false(block_has_sockaddr((void *)&ss, n));
	n = make_sockaddr("2001:2::1", &ss);
	assert_false(block_has_sockaddr((void *)&ss, n - 1));
	assert_false(block_has_sockaddr((void *)&ss, sizeof(struct sockaddr_in)));
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
		cmocka_unit_test(an_address_is_told_by_its_leading_bits),
		cmocka_unit_test(what_is_no_whole_address_is_not_virtual),
		cmocka_unit_test(threads_that_make_one_together_all_get_it),
		cmocka_unit_test(a_making_that_takes_a_moment_is_waited_for),
		cmocka_unit_test(a_making_that_was_interrupted_is_not_waited_for_in_vain),
		cmocka_unit_test(a_pin_ends_with_a_failure_at_its_address),
		cmocka_unit_test(names_end_where_the_room_does),
	};

	return cmocka_run_group_tests_name("followed", tests, NULL, NULL);
}
