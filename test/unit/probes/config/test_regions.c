/* SPDX-License-Identifier: Apache-2.0 */
/* The regions of a global database: which lists are good, and where an instance lives by them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/regions.h"

#include <string.h>

static void an_instance_lives_where_its_region_has_it(void **state)
{
	static const char list[] = "?.abc1.us-east-1.rds.amazonaws.com, [eu-west-1]?.db.x.example "
				   "?-x.abc2.rds.cn-north-1.amazonaws.com.cn";
	static const struct {
		const char *region, *id, *host;
	} cases[] = {
		{"us-east-1", "a-1", "a-1.abc1.us-east-1.rds.amazonaws.com"},
		{"eu-west-1", "B", "b.db.x.example"},
		{"cn-north-1", "c", "c-x.abc2.rds.cn-north-1.amazonaws.com.cn"},
		{"us-east-2", "a", NULL},
		{"us-east-11", "a", NULL},
		{"", "a", NULL},
		{"eu-west-1", "../a", NULL},
	};
	char host[PEL_NAME_MAX];

	assert_true(config_regions_are_good(list));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r = config_region_host(list, cases[i].region, cases[i].id, host);

		if (cases[i].host ? r < 0 || strcmp(host, cases[i].host) != 0 : r == 0)
			fail_msg("%s in %s", cases[i].id, cases[i].region);
	}
}

static void a_list_of_regions_is_good_or_not(void **state)
{
	static const struct {
		const char *list;
		bool good;
	} cases[] = {
		{"?.abc.us-east-1.rds.amazonaws.com", true},
		{"?.abc.us-gov-west-1.rds.amazonaws.com,[b-1]?.x", true},
		{"", false},
		{" ,", false},
		{"?.db.example.com", false}, /* of which region? */
		{"[]?.db.example.com", false},
		{"[a b]?.db.example.com", false},
		{"[eu-west-1", false},
		{"[eu-west-1]", false},
		{"[eu-west-1]db.example.com", false},
		{"[eu-west-1]?.?.example.com", false},
		{"[eu-west-1]?/x", false},
		{"?.cluster-abc.us-east-1.rds.amazonaws.com", false},
		{"[a-1]?.x, [a-1]?.y", false},
		{"?.abc.us-east-1.rds.amazonaws.com, [us-east-1]?.y", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (config_regions_are_good(cases[i].list) != cases[i].good)
			fail_msg("'%s'", cases[i].list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instance_lives_where_its_region_has_it),
		cmocka_unit_test(a_list_of_regions_is_good_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
