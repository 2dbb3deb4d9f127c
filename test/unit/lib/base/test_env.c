/* SPDX-License-Identifier: Apache-2.0 */
/* What the environment asks for: switches, globs, clusters, credentials. */
#include "base/env.h"
#include "prober/envcreds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "db.cluster-abc.us-east-1.rds.amazonaws.com"

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
	assert_false(e->few_lookups);
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
	assert_int_equal(e.kept_size, 0);
}

static void test_switches(void **state)
{
	static const struct {
		char *line;
		bool active, may_spawn, few;
		enum sever_mode sever;
	} rows[] = {
		{"PELORUS_DISABLED=1", false, true, false, SEVER_SAFE},
		{"PELORUS_DISABLED=yes", false, true, false, SEVER_SAFE},
		{"PELORUS_DISABLED=0", true, true, false, SEVER_SAFE},
		{"PELORUS_DISABLED=", true, true, false, SEVER_SAFE},
		{"PELORUS_PROBER=off", true, false, false, SEVER_SAFE},
		{"PELORUS_PROBER=relative", true, true, false, SEVER_SAFE},
		{"UV_THREADPOOL_SIZE=2", true, true, true, SEVER_SAFE},
		{"UV_THREADPOOL_SIZE=3", true, true, false, SEVER_SAFE},
		{"PELORUS_SEVER=all", true, true, false, SEVER_ALL},
		{"PELORUS_SEVER=off", true, true, false, SEVER_OFF},
		{"PELORUS_SEVER=nonsense", true, true, false, SEVER_SAFE},
		{"PELORUS_EXCLUDE=php*", false, true, false, SEVER_SAFE},
		{"PELORUS_INCLUDE=php*", true, true, false, SEVER_SAFE},
		{"PELORUS_INCLUDE=node", false, true, false, SEVER_SAFE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct env *e = read_env((char *[]){rows[i].line, NULL});

		if (e->active != rows[i].active || e->may_spawn != rows[i].may_spawn ||
			e->few_lookups != rows[i].few || e->sever != rows[i].sever)
			fail_msg("%s", rows[i].line);
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
}

static void test_too_much_is_left_out(void **state)
{
	char *list = calloc(1, 4096), *huge = calloc(1, ENV_KEPT_MAX + 64);
	struct env *e;

	strcpy(list, "PELORUS_CLUSTER=");
	for (int i = 0; i < 100; i++)
		strcat(list, "a.example.com,");
	strcpy(huge, "DB_PASSWORD=");
	memset(huge + 12, 'x', ENV_KEPT_MAX);
	e = read_env((char *[]){list, huge, "DB_USER=u", NULL});
	assert_int_equal(e->n_clusters, ENV_CLUSTERS);
	assert_string_equal(env_kept(e, "DB_USER"), "u");
	assert_null(env_kept(e, "DB_PASSWORD"));
	free(list);
	free(huge);
}

static void test_a_prober_gets_no_password(void **state)
{
	assert_true(env_is_for_prober("PELORUS_CONFIG=/etc/x"));
	assert_true(env_is_for_prober("AWS_REGION=x"));
	assert_false(env_is_for_prober("PELORUS_PASSWORD=x"));
	assert_false(env_is_for_prober("PELORUS_USER=x"));
	assert_false(env_is_for_prober("DB_PASSWORD=x"));
	assert_false(env_is_for_prober("LD_PRELOAD=x"));
}

static void test_credentials_are_for_that_very_name(void **state)
{
	static const struct {
		char *lines[4];
		const char *user, *password; /* NULL: none are found */
	} rows[] = {
		{{"PELORUS_USER=u", "PELORUS_PASSWORD=p"}, "u", "p"},
		{{"PELORUS_USER=u"}, "u", ""},
		{{"PELORUS_PASSWORD=p"}, NULL, NULL},
		{{"DB_HOST=" NAME, "DB_USER=u", "DB_PASSWORD=p"}, "u", "p"},
		{{"DB_HOST=" NAME ":3306", "DB_USERNAME=u", "DB_PASS=p"}, "u", "p"},
		{{"DB_HOST=other.example.com", "DB_USER=u", "DB_PASSWORD=p"}, NULL, NULL},
		{{"DB_USER=u", "DB_PASSWORD=p"}, NULL, NULL},
		{{"MYSQL_HOST=" NAME ".", "MYSQL_USER=u", "MYSQL_PWD=p"}, "u", "p"},
		{{"WORDPRESS_DB_HOST=" NAME ":3306", "WORDPRESS_DB_USER=u",
			 "WORDPRESS_DB_PASSWORD=p"},
			"u", "p"},
		{{"DATABASE_URL=mysql://u:p@" NAME ":3306/app?x=1"}, "u", "p"},
		{{"DATABASE_URL=mysql2://u:p@" NAME}, "u", "p"},
		{{"DATABASE_URL=mysql+pymysql://u%40x:p%2Fq%25@" NAME "/app"}, "u@x", "p/q%"},
		{{"DATABASE_URL=mysql://u:p@q@" NAME "/app"}, "u", "p@q"},
		{{"DATABASE_URL=mariadb://u@" NAME "/app"}, "u", ""},
		{{"DATABASE_URL=mysql://u:p@other.example.com/app"}, NULL, NULL},
		{{"DATABASE_URL=mysql://" NAME "/app"}, NULL, NULL},
		{{"DATABASE_URL=postgres://u:p@" NAME "/app"}, NULL, NULL},
		{{"DATABASE_URL=mysql"}, NULL, NULL},
		{{"DATABASE_URL=mysql://:@" NAME}, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envcreds creds = {.user = ""};
		bool found = envcreds_find(read_env((char **)rows[i].lines), NAME, &creds);

		if (found != (rows[i].user != NULL) ||
			(found &&
				(strcmp(creds.user, rows[i].user) != 0 ||
					strcmp(creds.password, rows[i].password) != 0)))
			fail_msg("%s: %s %s", rows[i].lines[0], creds.user, creds.password);
	}
}

static void test_credentials_carry_their_tls(void **state)
{
	static const struct {
		char *lines[4];
		bool ssl, verify;
		const char *ca;
	} rows[] = {
		{{"PELORUS_USER=u"}, false, false, ""},
		{{"PELORUS_USER=u", "PELORUS_SSL=1"}, true, false, ""},
		{{"PELORUS_USER=u", "PELORUS_SSL=0"}, false, false, ""},
		{{"PELORUS_USER=u", "PELORUS_SSL_VERIFY=1"}, true, true, ""},
		{{"PELORUS_USER=u", "PELORUS_SSL_CA=/ca.pem"}, true, false, "/ca.pem"},
		{{"PELORUS_USER=u", "MYSQL_ATTR_SSL_CA=/ca.pem"}, true, false, "/ca.pem"},
		{{"DATABASE_URL=mysql://u:p@" NAME "/a?sslmode=require"}, true, false, ""},
		{{"DATABASE_URL=mysql://u:p@" NAME "/a?x=1&ssl-mode=VERIFY_IDENTITY"}, true, true,
			""},
		{{"DATABASE_URL=mysql://u:p@" NAME "/a?sslca=%2Fca.pem"}, true, false, "/ca.pem"},
		{{"DATABASE_URL=mysql://u:p@" NAME "/a?xsslmode=require"}, false, false, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envcreds c;

		assert_true(envcreds_find(read_env((char **)rows[i].lines), NAME, &c));
		if (c.ssl != rows[i].ssl || c.ssl_verify != rows[i].verify ||
			strcmp(c.ssl_ca, rows[i].ca) != 0)
			fail_msg("%s", rows[i].lines[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_has_a_default),
		cmocka_unit_test(test_a_privileged_process_hears_nothing),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_globs_match_the_path_or_its_last_part),
		cmocka_unit_test(test_clusters_have_roles),
		cmocka_unit_test(test_too_much_is_left_out),
		cmocka_unit_test(test_a_prober_gets_no_password),
		cmocka_unit_test(test_credentials_are_for_that_very_name),
		cmocka_unit_test(test_credentials_carry_their_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
