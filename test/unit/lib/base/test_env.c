/* SPDX-License-Identifier: Apache-2.0 */
/* What the environment asks for: switches, globs, clusters, what is kept; and Go's note of itself. */
#include "base/elf_note.h"
#include "base/env.h"
#include "base/environ.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct env *read_env(char *const *list)
{
	static struct env env;

	memset(&env, 0, sizeof(env));
	env_read(&env, list, "/usr/bin/php8.2", false);
	return &env;
}

static void test_everything_has_a_default(void **state)
{
	struct env *e = read_env((char *[]){NULL});

	assert_true(e->active);
	assert_true(e->may_spawn);
	assert_true(e->hold_ns == UINT64_MAX);
	assert_int_equal(e->sever, SEVER_SAFE);
	assert_string_equal(e->runtime_dir, "");
	assert_int_equal(e->n_clusters, 0);
}

static void test_a_privileged_process_hears_nothing(void **state)
{
	struct env e = {0};

	env_read(&e,
		(char *[]){"PELORUS_PROBER=/tmp/x", "PELORUS_LOG=/etc/passwd",
			"PELORUS_RUNTIME_DIR=/tmp/x", "PELORUS_CLUSTER=a.example.com", NULL},
		"/usr/bin/sudo", true);
	assert_true(e.secure);
	assert_false(e.may_spawn);
	assert_string_equal(e.prober, "");
	assert_string_equal(e.log, "");
	assert_string_equal(e.runtime_dir, "");
	assert_int_equal(e.n_clusters, 0);
}

static void test_switches(void **state)
{
	static const struct {
		char *line;
		bool active, may_spawn;
		enum sever_mode sever;
		uint64_t hold_ms; /* 0: as the cluster says */
	} rows[] = {
		{"PELORUS_DISABLED=1", false, true, SEVER_SAFE},
		{"PELORUS_DISABLED=yes", false, true, SEVER_SAFE},
		{"PELORUS_DISABLED=0", true, true, SEVER_SAFE},
		{"PELORUS_DISABLED=", true, true, SEVER_SAFE},
		{"PELORUS_PROBER=off", true, false, SEVER_SAFE},
		{"PELORUS_PROBER=relative", true, true, SEVER_SAFE},
		{"PELORUS_HOLD=7", true, true, SEVER_SAFE, 7000},
		{"PELORUS_HOLD=250ms", true, true, SEVER_SAFE, 250},
		{"PELORUS_HOLD=nonsense", true, true, SEVER_SAFE},
		{"PELORUS_SEVER=all", true, true, SEVER_ALL},
		{"PELORUS_SEVER=off", true, true, SEVER_OFF},
		{"PELORUS_SEVER=nonsense", true, true, SEVER_SAFE},
		{"PELORUS_EXCLUDE=php*", false, true, SEVER_SAFE},
		{"PELORUS_INCLUDE=php*", true, true, SEVER_SAFE},
		{"PELORUS_INCLUDE=node", false, true, SEVER_SAFE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct env *e = read_env((char *[]){rows[i].line, NULL});

		if (e->active != rows[i].active || e->may_spawn != rows[i].may_spawn ||
			e->sever != rows[i].sever ||
			e->hold_ns != (rows[i].hold_ms ? rows[i].hold_ms * 1000000 : UINT64_MAX))
			fail_msg("%s", rows[i].line);
	}
}

static void test_modes_and_traces(void **state)
{
	static const struct {
		char *lines[3];
		enum pel_mode mode;
		const char *trace;
		bool json;
	} rows[] = {
		{{"PELORUS_MODE=observe"}, PEL_MODE_OBSERVE, "", false},
		{{"PELORUS_MODE=active"}, PEL_MODE_ACTIVE, "", false},
		{{"PELORUS_MODE="}, PEL_MODE_ACTIVE, "", false},
		{{"PELORUS_MODE=off"}, PEL_MODE_OFF, "", false},
		{{"PELORUS_MODE=nonsense"}, PEL_MODE_OBSERVE, "", false},
		{{"PELORUS_TRACE=/tmp/x.log"}, PEL_MODE_ACTIVE, "/tmp/x.log", false},
		{{"PELORUS_TRACE=/tmp/x.json"}, PEL_MODE_ACTIVE, "/tmp/x.json", true},
		{{"PELORUS_TRACE=/tmp/x.jsonl"}, PEL_MODE_ACTIVE, "/tmp/x.jsonl", true},
		{{"PELORUS_TRACE=/tmp/x.json", "PELORUS_TRACE_FORMAT=logfmt"}, PEL_MODE_ACTIVE,
			"/tmp/x.json", false},
		{{"PELORUS_TRACE=x", "PELORUS_TRACE_FORMAT=json"}, PEL_MODE_ACTIVE, "x", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct env *e = read_env((char *const *)rows[i].lines);

		if (e->mode != rows[i].mode || strcmp(e->trace, rows[i].trace) != 0 ||
			e->trace_json != rows[i].json)
			fail_msg("%s", rows[i].lines[0]);
	}
}

static void test_globs_match_the_path_or_its_last_part(void **state)
{
	static const struct {
		const char *list, *executable;
		bool matches;
	} rows[] = {
		{"php*", "/usr/bin/php8.2", true},
		{"node:php*", "/usr/bin/php8.2", true},
		{"/usr/bin/*", "/usr/bin/php8.2", true},
		{"/opt/*", "/usr/bin/php8.2", false},
		{"bin/*", "/usr/bin/php8.2", false},
		{"php", "/usr/bin/php8.2", false},
		{"", "/usr/bin/php8.2", false},
		{":::", "/usr/bin/php8.2", false},
		{"*", "", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (env_glob_matches(rows[i].list, rows[i].executable) != rows[i].matches)
			fail_msg("%s of %s", rows[i].list, rows[i].executable);
	}
}

static void test_clusters_have_roles(void **state)
{
	struct env *e =
		read_env((char *[]){"PELORUS_CLUSTER=DB.example.com, "
				    "reader:ro.example.com.,writer:w.example.com,,bad name!",
			NULL});

	assert_int_equal(env_role_of(e, "db.example.com"), PEL_ROLE_WRITER);
	assert_int_equal(env_role_of(e, "ro.example.com"), PEL_ROLE_READER);
	assert_int_equal(env_role_of(e, "w.example.com"), PEL_ROLE_WRITER);
	assert_int_equal(env_role_of(e, "example.com"), PEL_ROLE_UNKNOWN);
	assert_int_equal(env_role_of(e, "a.cluster-ro-b.us-east-1.rds.amazonaws.com"),
		PEL_ROLE_READER);
	assert_int_equal(env_role_of(e, "a.b.us-east-1.rds.amazonaws.com"), PEL_ROLE_UNKNOWN);
}

static void test_too_much_is_left_out(void **state)
{
	static const char starts[] = "DB_PASSWORD=\0DB_USER=\0";
	static struct environ_kept kept;
	char *list = calloc(1, 4096), *huge = calloc(1, ENVIRON_KEPT_MAX + 64);

	strcpy(list, "PELORUS_CLUSTER=");
	for (int i = 0; i < 100; i++)
		strcat(list, "a.example.com,");
	strcpy(huge, "DB_PASSWORD=");
	memset(huge + 12, 'x', ENVIRON_KEPT_MAX);
	assert_int_equal(read_env((char *[]){list, NULL})->n_clusters, ENV_CLUSTERS);
	environ_keep(&kept, (char *[]){list, huge, "DB_USER=u", NULL}, starts);
	assert_string_equal(environ_kept_value(&kept, "DB_USER"), "u");
	assert_null(environ_kept_value(&kept, "DB_PASSWORD"));
	assert_null(environ_kept_value(&kept, "PELORUS_CLUSTER"));
	assert_null(environ_kept_value(&kept, "DB_USE"));
	free(list);
	free(huge);
}

static void test_gos_note_is_known(void **state)
{
	struct {
		uint32_t name, desc, type;
		char text[4];
		char id[8];
	} notes[2] = {{4, 8, 1, "GNU", "12345678"}, {4, 8, 4, "Go\0", "abcdefg"}};

	assert_true(elf_note_has_go(notes, sizeof(notes)));
	assert_false(elf_note_has_go(notes, sizeof(notes[0])));
	assert_false(elf_note_has_go(&notes[1], sizeof(notes[1]) - 1));
	notes[0].desc = UINT32_MAX;
	assert_false(elf_note_has_go(notes, sizeof(notes)));
	assert_false(elf_note_is_go());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_has_a_default),
		cmocka_unit_test(test_a_privileged_process_hears_nothing),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_modes_and_traces),
		cmocka_unit_test(test_globs_match_the_path_or_its_last_part),
		cmocka_unit_test(test_clusters_have_roles),
		cmocka_unit_test(test_too_much_is_left_out),
		cmocka_unit_test(test_gos_note_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
