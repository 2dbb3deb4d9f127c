/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that the library says, in each form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/line.h"

#include <string.h>
#include <time.h>

static const struct {
	struct line line;
	const char *text, *logfmt, *json;
} rows[] = {
	{{"L04", "no prober", "/usr/lib", 1767323045, 7}, "pelorus[L04]: no prober: /usr/lib\n",
		"time=2026-01-02T03:04:05Z level=warning code=L04 pid=7 text=\"no prober\" "
		"detail=\"/usr/lib\"\n",
		"{\"time\":\"2026-01-02T03:04:05Z\",\"level\":\"warning\",\"code\":\"L04\",\"pid\":7,"
		"\"text\":\"no prober\",\"detail\":\"/usr/lib\"}\n"},
	{{"L05", "it did not start", NULL, 0, 4194304}, "pelorus[L05]: it did not start\n",
		"time=1970-01-01T00:00:00Z level=warning code=L05 pid=4194304 "
		"text=\"it did not start\"\n",
		"{\"time\":\"1970-01-01T00:00:00Z\",\"level\":\"warning\",\"code\":\"L05\","
		"\"pid\":4194304,\"text\":\"it did not start\"}\n"},
	{{"L06", "a", "/\"x\\\n\xff", 951782400, 1}, "pelorus[L06]: a: /\"x\\\n\xff\n",
		"time=2000-02-29T00:00:00Z level=warning code=L06 pid=1 text=\"a\" "
		"detail=\"/\\\"x\\\\??\"\n",
		"{\"time\":\"2000-02-29T00:00:00Z\",\"level\":\"warning\",\"code\":\"L06\",\"pid\":1,"
		"\"text\":\"a\",\"detail\":\"/\\\"x\\\\??\"}\n"},
};

static void each_form_says_the_same(void **state)
{
	char line[LINE_MAX_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		line_build(&rows[i].line, LINE_TEXT, line);
		assert_string_equal(line, rows[i].text);
		line_build(&rows[i].line, LINE_LOGFMT, line);
		assert_string_equal(line, rows[i].logfmt);
		line_build(&rows[i].line, LINE_JSON, line);
		assert_string_equal(line, rows[i].json);
	}
}

static void what_is_too_long_is_cut_within_its_value(void **state)
{
	static char detail[2000];
	const struct line line = {"L06", "a sentence", detail, 1, 1};
	char text[LINE_MAX_SIZE];

	for (size_t n = 600; n < 800; n++) {
		size_t slashes = 0;

		memset(detail, n % 2 ? '"' : 'a', n);
		detail[n] = '\0';
		line_build(&line, LINE_JSON, text);
		assert_string_equal(text + strlen(text) - 3, "\"}\n");
		while (text[strlen(text) - 4 - slashes] == '\\' ||
			text[strlen(text) - 4 - slashes] == '"')
			slashes++;
		assert_true(slashes == 0 || slashes % 2 == 1); /* the first one opens it */
		line_build(&line, LINE_TEXT, text);
		assert_int_equal(text[strlen(text) - 1], '\n');
	}
}

static void every_day_is_that_of_the_calendar(void **state)
{
	char text[LINE_MAX_SIZE], want[64];

	for (time_t day = 0; day < 80000; day++) {
		const struct line line = {"L", "s", NULL, (uint64_t)day * 86400 + 86399, 1};
		time_t s = day * 86400 + 86399;
		struct tm tm;

		gmtime_r(&s, &tm);
		strftime(want, sizeof(want), "time=%Y-%m-%dT%H:%M:%SZ ", &tm);
		line_build(&line, LINE_LOGFMT, text);
		assert_int_equal(strncmp(text, want, strlen(want)), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_says_the_same),
		cmocka_unit_test(what_is_too_long_is_cut_within_its_value),
		cmocka_unit_test(every_day_is_that_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
