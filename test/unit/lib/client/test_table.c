/* SPDX-License-Identifier: Apache-2.0 */
/* The table from pointer to object: what is entered is found, from any thread, while others come and go. */
#include "client/table.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#define MANY 3000
#define THREADS 4
#define EACH 700
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

static size_t entries(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < TABLE_CHAINS; i++) {
		for (struct table_entry *e = client_table[i]; e; e = e->next)
			n++;
	}
	return n;
}

static void what_was_removed_makes_room(void **state)
{
	size_t before = entries();

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < MANY; i++)
			assert_int_equal(table_put(key(i), key(i)), 0);
		for (unsigned i = MANY; i > 0; i--)
			assert_ptr_equal(table_take(key(i - 1)), key(i - 1));
	}
	assert_in_range(entries(), before, MANY);
}

/* Each thread's own keys come and go, in chains that all share; they are found while they are there. */
static void *work(void *context)
{
	unsigned first = *(unsigned *)context;
	unsigned long wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		void *k = key(first + i % EACH);

		wrong += table_put(k, k) != 0;
		wrong += table_find(k) != k;
		wrong += table_take(k) != k;
		wrong += table_find(k) != NULL;
	}
	return (void *)wrong;
}

static void threads_do_not_disturb_each_other(void **state)
{
	unsigned first[THREADS] = {0, EACH, 2 * EACH, 3 * EACH};
	pthread_t threads[THREADS];
	void *wrong;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &first[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* One that is being entered has an object and no key yet. */
static void a_half_made_entry_is_not_found(void **state)
{
	struct table_entry *e = take_entry(key(1));

	assert_non_null(e);
	e->object = key(1);
	assert_null(table_find(key(1)));
	assert_null(table_find(NULL));
	assert_ptr_not_equal(take_entry(key(1)), e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_entered_is_found),
		cmocka_unit_test(an_entry_is_replaced),
		cmocka_unit_test(what_was_removed_makes_room),
		cmocka_unit_test(threads_do_not_disturb_each_other),
		cmocka_unit_test(a_half_made_entry_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
