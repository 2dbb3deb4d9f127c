/* SPDX-License-Identifier: Apache-2.0 */
/* Which events are told, and as what; how trouble is said. */
#include "http/notices.h"
#include "base/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EVENT(code, rest) "{\"seq\":1,\"code\":\"" code "\"" rest "}"

static void events_become_sentences(void **state)
{
	static const struct {
		const char *line, *start;
	} cases[] = {
		{EVENT("writer-changed", ",\"cluster\":\"c\",\"text\":\"the writer is \\\"a\\\"\""),
			"{\"text\":\"c: writer-changed: the writer is \\\"a\\\"\",\"event\":{\"seq\":1,"},
		{EVENT("map-lost", ""), "{\"text\":\"map-lost: \",\"event\":{"},
		{EVENT("warm-up-failed",
			 ",\"cluster\":\"c\",\"instance\":\"i\",\"text\":\"i: none\""),
			"{\"text\":\"c: warm-up-failed: i: none\",\"event\":{"},
		{EVENT("instance-held", ",\"text\":\"i is held\""),
			"{\"text\":\"instance-held: i is held\",\"event\":{"},
		{EVENT("severed", ""), NULL},
		{EVENT("connects-waited", ""), NULL},
		{EVENT("notice-trouble", ""), NULL},
		{"{\"seq\":1}", NULL},
		{"not json", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char body[1024];
		bool told = notices_body(cases[i].line, body, sizeof(body));

		assert_int_equal(told, cases[i].start != NULL);
		if (told) {
			assert_int_equal(strncmp(body, cases[i].start, strlen(cases[i].start)), 0);
			assert_string_equal(body + strlen(body) - 1, "}");
		}
	}
}

static void what_does_not_fit_is_not_told(void **state)
{
	char body[40];

	assert_false(notices_body(EVENT("writer-changed", ""), body, sizeof(body)));
}

static void trouble_counts_until_it_is_over(void **state)
{
	struct trouble t = {.code = "x"};

	for (unsigned i = 1; i < 40; i++) {
		trouble_say(&t, "again");
		assert_int_equal(t.failures, i);
	}
	trouble_end(&t);
	assert_int_equal(t.failures, 0);
	assert_string_equal(t.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_become_sentences),
		cmocka_unit_test(what_does_not_fit_is_not_told),
		cmocka_unit_test(trouble_counts_until_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
