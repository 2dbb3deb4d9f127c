/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread wishes is no other thread's affair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "known/wish.h"

#include <pthread.h>

#define MANY 100

static void without_a_wish_there_is_none(void **state)
{
	assert_null(wish_find());
	assert_int_equal(wish_end(NULL), -1);
}

static void a_wish_lasts_until_its_end(void **state)
{
	struct wish *wish = wish_begin(followed_at(3), PEL_ROLE_WRITER, true);

	assert_ptr_equal(wish_find(), wish);
	assert_ptr_equal(wish->followed, followed_at(3));
	assert_int_equal(wish->role, PEL_ROLE_WRITER);
	assert_true(wish->never_waits);
	wish->fd = 7;
	assert_int_equal(wish_end(wish), 7);
	assert_null(wish_find());
}

/* As a jump out of a call leaves it. */
static void one_that_never_ended_is_replaced(void **state)
{
	struct wish *left = wish_begin(followed_at(1), PEL_ROLE_WRITER, false);
	struct wish *next = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);

	assert_ptr_equal(next, left);
	assert_null(next->followed);
	assert_int_equal(wish_end(next), -1);
}

static void *look(void *context)
{
	pthread_barrier_t *both = context;

	if (wish_find())
		return context;
	(void)wish_begin(NULL, PEL_ROLE_READER, false);
	(void)pthread_barrier_wait(both);
	(void)pthread_barrier_wait(both);
	return NULL;
}

static void threads_have_wishes_of_their_own(void **state)
{
	struct wish *wish = wish_begin(NULL, PEL_ROLE_WRITER, false);
	pthread_barrier_t both;
	pthread_t thread;
	void *found;

	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, look, &both), 0);
	(void)pthread_barrier_wait(&both);
	assert_ptr_equal(wish_find(), wish);
	assert_int_equal(wish->role, PEL_ROLE_WRITER);
	(void)pthread_barrier_wait(&both);
	assert_int_equal(pthread_join(thread, &found), 0);
	assert_null(found);
	(void)wish_end(wish);
}

static void *wish_and_wait(void *context)
{
	struct wish *wish = wish_begin(NULL, PEL_ROLE_READER, false);

	(void)pthread_barrier_wait(context);
	(void)wish_end(wish);
	return wish;
}

/* More threads than places: some go without, and all places are free again. */
static void too_many_go_without(void **state)
{
	pthread_t threads[MANY];
	pthread_barrier_t all;
	unsigned without = 0;
	void *wish;

	assert_int_equal(pthread_barrier_init(&all, NULL, MANY), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wish_and_wait, &all), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(pthread_join(threads[i], &wish), 0);
		without += !wish;
	}
	assert_in_range(without, 1, MANY - 1);
	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);
	assert_non_null(wish);
	(void)wish_end(wish);
}

static void *wish_and_end(void *context)
{
	return wish_begin(NULL, PEL_ROLE_READER, false);
}

/* As cancelled threads leave theirs; all at once, so that no thread has the identity of another. */
static void *wish_and_go(void *context)
{
	(void)wish_begin(NULL, PEL_ROLE_READER, false);
	(void)pthread_barrier_wait(context);
	return NULL;
}

static void places_of_threads_that_are_gone_are_taken_over(void **state)
{
	pthread_t threads[MANY], another;
	pthread_barrier_t all;
	void *wish;

	assert_int_equal(pthread_barrier_init(&all, NULL, MANY), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wish_and_go, &all), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);
	assert_non_null(wish);
	assert_int_equal(pthread_create(&another, NULL, wish_and_end, NULL), 0);
	assert_ptr_equal(wish_find(), wish);
	assert_int_equal(pthread_join(another, &wish), 0);
	assert_non_null(wish);
	assert_true(wish_find() != wish);
	(void)wish_end(wish_find());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_wish_there_is_none),
		cmocka_unit_test(a_wish_lasts_until_its_end),
		cmocka_unit_test(one_that_never_ended_is_replaced),
		cmocka_unit_test(too_many_go_without),
		cmocka_unit_test(threads_have_wishes_of_their_own),
		cmocka_unit_test(places_of_threads_that_are_gone_are_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
