/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's patience: who falls silent is told from who was stopped together with it.
 *
 * A script: "h" it is heard, "l" a look at the deadline, "+N" N ms pass in which nobody runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/watchdog.h"

#include <stdlib.h>

static const struct row {
	const char *name;
	const char *script;
	bool silent; /* by the last look */
} rows[] = {
	{"one that has just begun is not silent", "l", false},
	{"... nor one that is heard each second", "+1000h l+1000h l+1000h l+1000h l+1000h l",
		false},
	{"six looks without a word are patience", "l l l l l l", false},
	{"seven are none", "l l l l l l l", true},
	{"a word in between begins anew", "l l l l l l h l l l l l l", false},
	{"time in which we did not run does not count", "+60000l", false},
	{"... whenever it was", "l l l l l +60000l", false},
	{"... but what was before it does", "l l l l l l +60000l l", true},
	{"who says nothing after it is silent", "+60000l l l l l l l l", true},
	{"who is late by a little was running", "+2900l +2900l +2900l +2900l", true},
	{"a word that waited for us is one", "+60000h l l l l l l", false},
};

static void run(void **state)
{
	const struct row *row = *state;
	struct watchdog w;
	int64_t now_ms = 5000000;
	bool silent = false;

	watchdog_start(&w, now_ms);
	for (const char *s = row->script; *s;) {
		char *end;

		switch (*s) {
		case '+':
			now_ms += strtol(s + 1, &end, 10);
			s = end;
			continue;
		case 'h':
			watchdog_heard(&w, now_ms);
			break;
		case 'l':
			if (watchdog_deadline(&w) > now_ms)
				now_ms = watchdog_deadline(&w);
			silent = watchdog_look(&w, now_ms);
			break;
		default:
			break;
		}
		s++;
	}
	assert_int_equal(silent, row->silent);
}

int main(void)
{
	enum { N = sizeof(rows) / sizeof(*rows) };
	struct CMUnitTest tests[N];

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){rows[i].name, run, NULL, NULL, (void *)&rows[i]};
	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
