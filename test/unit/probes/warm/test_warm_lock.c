/* SPDX-License-Identifier: Apache-2.0 */
/* The named locks of a warm-up: what is asked, and what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "warm/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 2

/* A server that holds locks, and one session that asks it: enough of SQL for these queries. */
struct server {
	char held[64][80];
	unsigned n;
	const char *row[COLUMNS + 1];
	unsigned columns;
};

static bool is_held(struct server *s, const char *name, bool release)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->held[i], name) != 0)
			continue;
		if (release)
			memcpy(s->held[i], s->held[--s->n], sizeof(s->held[i]));
		return true;
	}
	return false;
}

static const char *call(struct server *s, const char *function, const char *name)
{
	bool held = is_held(s, name, strcmp(function, "RELEASE_LOCK") == 0);

	assert_true(strlen(name) <= 64);
	if (strcmp(function, "IS_USED_LOCK") == 0)
		return held ? "17" : NULL;
	if (strcmp(function, "GET_LOCK") != 0)
		return held ? "1" : NULL;
	if (held)
		return "0";
	strcpy(s->held[s->n++], name);
	return "1";
}

static void run(struct server *s, const char *query)
{
	char function[32], name[80];
	int n;

	assert_int_equal(strncmp(query, "SELECT ", 7), 0);
	s->columns = 0;
	for (query += 7; sscanf(query, "%31[A-Z_]('%79[^']'%n", function, name, &n) == 2;) {
		assert_true(s->columns < COLUMNS);
		s->row[s->columns++] = call(s, function, name);
		query = strchr(query + n, ')') + 1;
		query += strspn(query, ", ");
	}
	assert_string_equal(query, "");
}

static struct warm_lock_look look(struct server *s, const char *id)
{
	char query[WARM_LOCK_QUERY_MAX];

	warm_lock_ask(id, query);
	run(s, query);
	return warm_lock_read(s->row, s->columns);
}

static void one_has_the_lock_and_the_others_see_it(void **state)
{
	struct server s = {0};

	(void)state;
	assert_true(look(&s, "demo-4").got);
	assert_false(look(&s, "demo-4").got);
	assert_true(look(&s, "demo-5").got);
	assert_false(look(&s, "demo-4").warmed);
}

static void done_is_seen_by_those_who_come_later(void **state)
{
	struct server s = {0};
	char query[WARM_LOCK_QUERY_MAX];
	struct warm_lock_look seen;

	(void)state;
	(void)look(&s, "demo-4");
	warm_lock_done("demo-4", query);
	run(&s, query);
	seen = look(&s, "demo-4");
	assert_true(seen.got && seen.warmed);
}

static void an_odd_row_says_nothing(void **state)
{
	static const char *const row[] = {"1", "1", "1", NULL};
	struct warm_lock_look seen = warm_lock_read(row, 3);

	(void)state;
	assert_false(seen.got || seen.warmed);
	seen = warm_lock_read(NULL, 0);
	assert_false(seen.got);
}

static void a_long_id_makes_no_long_name(void **state)
{
	char id[64];
	struct server s = {0};

	(void)state;
	memset(id, 'a', sizeof(id) - 1);
	id[63] = '\0';
	assert_true(look(&s, id).got);
}

static void who_is_read_only_refuses(void **state)
{
	(void)state;
	assert_true(warm_lock_is_refused(1836) && warm_lock_is_refused(1290));
	assert_false(warm_lock_is_refused(0) || warm_lock_is_refused(1227));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_has_the_lock_and_the_others_see_it),
		cmocka_unit_test(done_is_seen_by_those_who_come_later),
		cmocka_unit_test(an_odd_row_says_nothing),
		cmocka_unit_test(a_long_id_makes_no_long_name),
		cmocka_unit_test(who_is_read_only_refuses),
	};

	return cmocka_run_group_tests_name("warm lock", tests, NULL, NULL);
}
