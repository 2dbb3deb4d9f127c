/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of events: numbers, JSON, and what survives a worker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/events.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void numbers_only_grow_and_the_oldest_go(void **state)
{
	struct events *e = events_new();
	char line[EVENTS_LINE_MAX];
	uint64_t seq = 0, n = 0;

	assert_int_equal(events_next(e, 0, line), 0);
	for (int i = 0; i < EVENTS_KEPT + 10; i++)
		events_add(e, 0, "x", NULL, NULL, "t");
	assert_int_equal(events_last(e), EVENTS_KEPT + 10);
	for (uint64_t next; (next = events_next(e, seq, line)); seq = next, n++)
		assert_true(next > seq);
	assert_int_equal(n, EVENTS_KEPT);
	assert_int_equal(events_next(e, EVENTS_KEPT + 10, line), 0);
	assert_int_equal(events_next(e, UINT64_MAX, line), 0);
	events_free(e);
}

static void a_line_is_one_json_object(void **state)
{
	static const char *const texts[] = {"plain", "\"quoted\" \\ and\nlines\t\x01",
		"\xc3\xa4 \xff\xfe", "\xe2\x82", ""};
	struct events *e = events_new();
	char line[EVENTS_LINE_MAX];
	struct json_object *o, *text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		events_add(e, 1767323045678, "writer-changed", "c.x", "i-1", texts[i]);
		assert_int_equal(events_next(e, i, line), i + 1);
		assert_null(strchr(line, '\n'));
		o = json_tokener_parse(line);
		assert_non_null(o);
		assert_string_equal(json_object_get_string(json_object_object_get(o, "time")),
			"2026-01-02T03:04:05.678Z");
		text = json_object_object_get(o, "text");
		if (i < 2)
			assert_string_equal(json_object_get_string(text), texts[i]);
		assert_non_null(text);
		json_object_put(o);
	}
	events_free(e);
}

static void what_is_too_long_is_cut_and_still_json(void **state)
{
	struct events *e = events_new();
	char line[EVENTS_LINE_MAX], big[4096];
	struct json_object *o;

	for (unsigned n = 100; n < sizeof(big); n += 37) {
		memset(big, n % 2 ? '"' : 'a', n);
		big[n] = '\0';
		events_add(e, 0, "x", n % 3 ? "c" : big, n % 5 ? "i" : big, big);
		assert_true(events_next(e, events_last(e) - 1, line) > 0);
		o = json_tokener_parse(line);
		if (!o)
			fail_msg("%u: %s", n, line);
		json_object_put(o);
	}
	events_free(e);
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

static void a_worker_that_died_leaves_its_events(void **state)
{
	struct events *e = events_new();
	char line[EVENTS_LINE_MAX];
	unsigned calls = 0;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		events_on_add(e, count, &calls);
		events_add(e, 0, "from-the-child", NULL, NULL, "t");
		events_set_told(e, 1);
		_exit(calls == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(events_told(e), 1);
	events_add(e, 0, "from-the-parent", NULL, NULL, "t");
	assert_int_equal(calls, 0);
	assert_int_equal(events_next(e, 0, line), 1);
	assert_non_null(strstr(line, "from-the-child"));
	assert_int_equal(events_next(e, 1, line), 2);
	events_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_only_grow_and_the_oldest_go),
		cmocka_unit_test(a_line_is_one_json_object),
		cmocka_unit_test(what_is_too_long_is_cut_and_still_json),
		cmocka_unit_test(a_worker_that_died_leaves_its_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
