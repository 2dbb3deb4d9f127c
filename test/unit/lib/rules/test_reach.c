/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void a_failure_is_judged_by_what_the_prober_hears(void **state)
{
	static const struct {
		const char *text;
		uint64_t evidence_ns, generation, now_ns;
		uint8_t health;
		bool fresh;
		enum reach_verdict verdict;
	} rows[] = {
		{"heard from since", 102 * S, 7, 103 * S, PEL_HEALTH_OK, true, REACH_EXCLUDE},
		{"not heard from since", 100 * S, 7, 101 * S, PEL_HEALTH_OK, true, REACH_WAIT},
		{"heard from just then", 100 * S + S / 10, 7, 101 * S, PEL_HEALTH_OK, true,
			REACH_WAIT},
		{"the topology moved", 102 * S, 8, 103 * S, PEL_HEALTH_OK, true, REACH_DROP},
		{"it is ill", 102 * S, 7, 103 * S, PEL_HEALTH_UNREACHABLE, true, REACH_DROP},
		{"the prober is gone", 102 * S, 7, 103 * S, PEL_HEALTH_OK, false, REACH_DROP},
		{"too long ago", 102 * S, 7, 120 * S, PEL_HEALTH_OK, true, REACH_DROP},
		{"the judge's clock was read before", 99 * S, 7, 99 * S, PEL_HEALTH_OK, true,
			REACH_WAIT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct reach_failure f = {.identity = 5,
			.uid = 1,
			.generation = 7,
			.failed_ns = 100 * S};
		const struct pel_hot hot = {.uid = 1,
			.generation = rows[i].generation,
			.n_instances = 2,
			.instances = {{.identity = 4},
				{.identity = 5,
					.health = rows[i].health,
					.evidence_ns = rows[i].evidence_ns}}};

		if (reach_judge(&f, &hot, rows[i].fresh, rows[i].now_ns) != rows[i].verdict)
			fail_msg("%s", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_is_judged_by_what_the_prober_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
