/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of a cluster's life: whose a name is, and what a restarted worker may say. */
#include "cluster/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TAIL "abc.us-east-1.rds.amazonaws.com"

static void names_share_a_key_by_their_form(void **state)
{
	static const struct {
		const char *name, *key;
		enum pel_role role;
		bool by_form;
	} cases[] = {
		{"demo.cluster-" TAIL, "demo.cluster-" TAIL, PEL_ROLE_WRITER, true},
		{"demo.cluster-ro-" TAIL, "demo.cluster-" TAIL, PEL_ROLE_READER, true},
		{"other.cluster-ro-" TAIL, "other.cluster-" TAIL, PEL_ROLE_READER, true},
		{"part.cluster-custom-" TAIL, "part.cluster-custom-" TAIL, PEL_ROLE_CUSTOM, false},
		{"db.shop.example", "db.shop.example", PEL_ROLE_WRITER, false},
		{"demo.global-x.global.rds.amazonaws.com", "demo.global-x.global.rds.amazonaws.com",
			PEL_ROLE_WRITER, false},
	};
	char key[PEL_NAME_MAX];
	enum pel_role role;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(name_key(cases[i].name, key, &role), cases[i].by_form);
		assert_string_equal(key, cases[i].key);
		assert_int_equal(role, cases[i].role);
	}
}

/* Identities of up to three instances, 0 for "not met"; the first is the writer of a known one. */
static struct pel_hot record(enum pel_state state, const uint64_t identities[3])
{
	struct pel_hot hot = {.state = (uint8_t)state,
		.n_instances = 3,
		.writer = state == PEL_STATE_KNOWN ? 0 : PEL_NONE};

	for (unsigned i = 0; i < 3; i++) {
		hot.instances[i].identity = identities[i];
		hot.instances[i].health = PEL_HEALTH_OK;
	}
	return hot;
}

static void what_was_inherited_stays_until_it_is_judged(void **state)
{
	static const struct {
		enum pel_state was_state, is_state;
		uint64_t was[3], is[3];
		enum cluster_inherited want;
	} cases[] = {
		{PEL_STATE_KNOWN, PEL_STATE_UNKNOWN, {1, 2, 3}, {1, 2, 3}, CLUSTER_INHERITED_OPEN},
		{PEL_STATE_KNOWN, PEL_STATE_WRITERLESS, {1, 2, 3}, {1, 2, 3},
			CLUSTER_INHERITED_OPEN},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 3}, {1, 2, 3}, CLUSTER_INHERITED_SAME},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 3}, {1, 3, 2}, CLUSTER_INHERITED_SAME},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 0}, {1, 2, 9}, CLUSTER_INHERITED_SAME},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 3}, {1, 2, 0}, CLUSTER_INHERITED_OPEN},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 3}, {2, 1, 3}, CLUSTER_INHERITED_OTHER},
		{PEL_STATE_KNOWN, PEL_STATE_KNOWN, {1, 2, 3}, {9, 2, 3}, CLUSTER_INHERITED_OTHER},
		{PEL_STATE_UNKNOWN, PEL_STATE_KNOWN, {0, 0, 0}, {1, 2, 3}, CLUSTER_INHERITED_OTHER},
		{PEL_STATE_WRITERLESS, PEL_STATE_KNOWN, {1, 2, 3}, {1, 2, 3},
			CLUSTER_INHERITED_OTHER},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pel_hot was = record(cases[i].was_state, cases[i].was);
		struct pel_hot is = record(cases[i].is_state, cases[i].is);

		if (cluster_inherited_compare(&was, &is) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void an_instance_that_is_gone_is_no_confirmation(void **state)
{
	struct pel_hot was = record(PEL_STATE_KNOWN, (const uint64_t[3]){1, 2, 3}), is = was;

	is.instances[2].health = PEL_HEALTH_UNREACHABLE;
	assert_int_equal(cluster_inherited_compare(&was, &is), CLUSTER_INHERITED_OPEN);
}

/* A set of readers alone is no news of a writer that was known, or awaited. */
static void readers_alone_do_not_end_the_wait_for_a_writer(void **state)
{
	static const uint64_t all[3] = {1, 2, 3};
	struct pel_hot is = record(PEL_STATE_KNOWN, all), was = is;

	(void)state;
	is.writer = PEL_NONE;
	assert_int_equal(cluster_inherited_compare(&was, &is), CLUSTER_INHERITED_OPEN);
	was = record(PEL_STATE_WRITERLESS, all);
	assert_int_equal(cluster_inherited_compare(&was, &is), CLUSTER_INHERITED_OPEN);
	assert_int_equal(cluster_inherited_compare(&is, &is), CLUSTER_INHERITED_SAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_share_a_key_by_their_form),
		cmocka_unit_test(what_was_inherited_stays_until_it_is_judged),
		cmocka_unit_test(an_instance_that_is_gone_is_no_confirmation),
		cmocka_unit_test(readers_alone_do_not_end_the_wait_for_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
