/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of look-ups. */
#include "net/dns_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define START (1000000 * MS)

/* What each of those that want it at these times, in ms, is told; who must wait takes nothing. */
static void names_wait_for_their_share(void **state)
{
	static const struct {
		unsigned wants[8], due[8], n;
	} rows[] = {
		{{0, 1000, 2000, 3000}, {0, 1000, 2000, 3000}, 4},
		{{0, 300, 600, 900, 1200, 1200}, {0, 300, 600, 1200, 1200, 1800}, 6},
		{{0, 0, 0, 0, 600, 600}, {0, 0, 600, 600, 600, 1200}, 6},
		{{0, 100, 200, 5000, 5000, 5000}, {0, 100, 600, 5000, 5000, 5600}, 6},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dns_pace p = {0};

		for (unsigned k = 0; k < rows[i].n; k++) {
			uint64_t now = START + rows[i].wants[k] * MS;

			if (dns_pace_take(&p, "db.example", now) != START + rows[i].due[k] * MS)
				fail_msg("row %zu, look-up %u", i, k);
		}
	}
}

static void one_name_does_not_wait_for_another(void **state)
{
	struct dns_pace p = {0};
	char name[16];

	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "db%u.example", i);
		assert_true(dns_pace_take(&p, name, START) == START);
		assert_true(dns_pace_take(&p, name, START + i % 2) == START + i % 2);
	}
	assert_true(dns_pace_take(&p, "db7.example", START) > START);
}

/* So many that not all are remembered: they are asked, and the memory holds. */
static void too_many_names_are_not_held_up(void **state)
{
	struct dns_pace p = {0};
	char name[16];

	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "db%u.example", i);
		assert_true(dns_pace_take(&p, name, START + i) == START + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_wait_for_their_share),
		cmocka_unit_test(one_name_does_not_wait_for_another),
		cmocka_unit_test(too_many_names_are_not_held_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
