/* SPDX-License-Identifier: Apache-2.0 */
/* The table from pointer to object: what is entered is found, from any thread, while others come and go. */
#include "client/table.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY 3000
#define THREADS 4
#define ROUNDS 20000

static char keys[MANY * 16];

static void *key(unsigned i)
{
	return &keys[i * 16];
}

static void what_is_entered_is_found(void **state)
{
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(table_put(key(i), &keys[i]), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(table_find(key(i)), &keys[i]);
	for (unsigned i = 0; i < MANY; i += 2)
		assert_ptr_equal(table_take(key(i)), &keys[i]);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(table_find(key(i)), i % 2 ? (void *)&keys[i] : NULL);
	for (unsigned i = 1; i < MANY; i += 2)
		assert_ptr_equal(table_take(key(i)), &keys[i]);
	for (unsigned i = 0; i < MANY; i++)
		assert_null(table_find(key(i)));
}

static void an_entry_is_replaced(void **state)
{
	assert_int_equal(table_put(key(1), &keys[1]), 0);
	assert_int_equal(table_put(key(1), &keys[2]), 0);
	assert_ptr_equal(table_take(key(1)), &keys[2]);
	assert_null(table_take(key(1)));
	assert_null(table_find(NULL));
}

static void a_table_that_was_emptied_is_clean(void **state)
{
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(table_put(key(i), key(i)), 0);
		for (unsigned i = 0; i < 100; i++)
			assert_ptr_equal(table_take(key(99 - i)), key(99 - i));
	}
	assert_true(used < 200);
}

/* Each thread's own keys come and go; they are found while they are there. */
static void *work(void *context)
{
	unsigned first = *(unsigned *)context;
	unsigned long wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		void *k = key(first + i % 64);

		wrong += table_put(k, k) != 0;
		wrong += table_find(k) != k;
		wrong += table_take(k) != k;
		wrong += table_find(k) != NULL;
	}
	return (void *)wrong;
}

static void threads_do_not_disturb_each_other(void **state)
{
	unsigned first[THREADS] = {0, 100, 200, 300};
	pthread_t threads[THREADS];
	void *wrong;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &first[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* A reader that searches for nothing comes by a place whose object is there and whose key is not. */
static void a_half_made_entry_is_not_found(void **state)
{
	struct table *t = table_new(4);

	assert_non_null(t);
	for (unsigned i = 0; i < 4; i++)
		t->entries[i].object = key(1);
	t = atomic_exchange(&client_table, t);
	assert_null(table_find(NULL));
	atomic_store(&client_table, t);
}

static _Atomic int entered;

static void *enter(void *context)
{
	assert_int_equal(table_put(key(1), key(1)), 0);
	entered = 1;
	return NULL;
}

static void nobody_enters_while_another_thread_does(void **state)
{
	static const struct timespec long_enough = {.tv_nsec = 500000000};
	pthread_t thread;

	entered = 0;
	lock();
	assert_int_equal(pthread_create(&thread, NULL, enter, NULL), 0);
	(void)nanosleep(&long_enough, NULL);
	assert_int_equal(entered, 0);
	unlock();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(entered, 1);
}

static void a_child_forked_meanwhile_enters_too(void **state)
{
	int status;
	pid_t child;

	lock();
	child = fork();
	if (child == 0) {
		(void)alarm(20);
		_exit(table_put(key(2), key(2)) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	unlock();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_entered_is_found),
		cmocka_unit_test(an_entry_is_replaced),
		cmocka_unit_test(a_table_that_was_emptied_is_clean),
		cmocka_unit_test(threads_do_not_disturb_each_other),
		cmocka_unit_test(a_half_made_entry_is_not_found),
		cmocka_unit_test(nobody_enters_while_another_thread_does),
		cmocka_unit_test(a_child_forked_meanwhile_enters_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
