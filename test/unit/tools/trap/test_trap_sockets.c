/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that were led: found by their cookies, forgotten, and walked. */
#include "sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000

static int begin(void **state)
{
	*state = calloc(1, sizeof(struct trap));
	return *state ? 0 : -1;
}

static int end(void **state)
{
	free(*state);
	return 0;
}

static unsigned count(struct trap *t)
{
	unsigned n = 0;

	for (struct trap_socket *s = sockets_next(t, NULL); s; s = sockets_next(t, s))
		n++;
	return n;
}

static void a_socket_is_found_by_its_cookie(void **state)
{
	struct trap *t = *state;

	for (int i = 1; i <= MANY; i++)
		assert_non_null(
			sockets_put(t, &(struct trap_socket){.cookie = (uint64_t)i, .fd = i}));
	for (int i = 1; i <= MANY; i++)
		assert_int_equal(sockets_find(t, (uint64_t)i)->fd, i);
	assert_null(sockets_find(t, MANY + 1));
	assert_int_equal(count(t), MANY);
}

static void its_next_connect_replaces_it(void **state)
{
	struct trap *t = *state;

	(void)sockets_put(t, &(struct trap_socket){.cookie = 7, .fd = 1});
	(void)sockets_put(t, &(struct trap_socket){.cookie = 7, .fd = 2});
	assert_int_equal(t->n_sockets, 1);
	assert_int_equal(sockets_find(t, 7)->fd, 2);
}

static void all_can_be_forgotten_on_the_way(void **state)
{
	struct trap *t = *state;
	struct trap_socket *next;

	for (uint64_t i = 1; i <= MANY; i++)
		(void)sockets_put(t, &(struct trap_socket){.cookie = i});
	for (struct trap_socket *s = sockets_next(t, NULL); s; s = next) {
		next = sockets_next(t, s);
		sockets_forget(t, s);
	}
	assert_int_equal(t->n_sockets, 0);
	assert_null(sockets_next(t, NULL));
	assert_null(sockets_find(t, 1));
}

static void a_full_table_takes_no_more(void **state)
{
	struct trap *t = *state;
	uint64_t i = 1;

	while (i <= 2 * TRAP_SOCKETS && sockets_put(t, &(struct trap_socket){.cookie = i}))
		i++;
	assert_true(i > TRAP_SOCKETS / 2);
	assert_true(t->n_sockets <= TRAP_SOCKETS);
	assert_int_equal(count(t), t->n_sockets);
}

static void a_name_has_one_index(void **state)
{
	struct trap *t = *state;
	char name[16] = "a";

	assert_int_equal(sockets_name(t, "b.example"), 0);
	assert_int_equal(sockets_name(t, "c.example"), 1);
	assert_int_equal(sockets_name(t, "b.example"), 0);
	for (int i = 2; i < TRAP_NAMES; i++) {
		name[1] = (char)('a' + i / 26);
		name[2] = (char)('a' + i % 26);
		assert_int_equal(sockets_name(t, name), i);
	}
	assert_true(sockets_name(t, "one.too.many") < 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_socket_is_found_by_its_cookie),
		CASE(its_next_connect_replaces_it),
		CASE(all_can_be_forgotten_on_the_way),
		CASE(a_full_table_takes_no_more),
		CASE(a_name_has_one_index),
	};

	return cmocka_run_group_tests_name("trap_sockets", tests, begin, end);
}
