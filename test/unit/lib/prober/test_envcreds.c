/* SPDX-License-Identifier: Apache-2.0 */
/* What of a program's environment reaches the prober: its configuration, and credentials. */
#include "prober/envcreds.h"
#include "prober/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NAME "db.cluster-abc.us-east-1.rds.amazonaws.com"

static const struct environ_kept *keep(char *const *list)
{
	static struct environ_kept kept;

	kept.size = 0;
	environ_keep(&kept, list, spawn_variables);
	environ_keep(&kept, list, envcreds_variables);
	return &kept;
}

static void test_a_prober_gets_no_password(void **state)
{
	assert_true(spawn_passes_on("PELORUS_CONFIG=/etc/x"));
	assert_true(spawn_passes_on("AWS_REGION=x"));
	assert_false(spawn_passes_on("PELORUS_PASSWORD=x"));
	assert_false(spawn_passes_on("PELORUS_USER=x"));
	assert_false(spawn_passes_on("PELORUS_DATABASE_URL=x"));
	assert_false(spawn_passes_on("DB_PASSWORD=x"));
	assert_false(spawn_passes_on("LD_PRELOAD=x"));
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
		{{"MYSQL_URL=mysql://u:p@" NAME "/app"}, "u", "p"},
		{{"DB_URL=mysql://u:p@" NAME "/app"}, "u", "p"},
		{{"TYPEORM_URL=mysql://u:p@" NAME "/app"}, "u", "p"},
		{{"PELORUS_DATABASE_URL=mysql://u:p@" NAME, "DATABASE_URL=mysql://a:b@" NAME}, "u",
			"p"},
		{{"PELORUS_DATABASE_URL=mysql://u:p@other.example.com",
			 "DATABASE_URL=mysql://a:b@" NAME},
			"a", "b"},
		{{"PELORUS_DATABASE_URL=mysql://:p@" NAME, "MYSQL_URL=mysql://u@" NAME}, "u", ""},
		{{"RDS_HOSTNAME=" NAME, "RDS_USERNAME=u", "RDS_PASSWORD=p"}, "u", "p"},
		{{"RDS_HOSTNAME=other.example.com", "RDS_USERNAME=u", "RDS_PASSWORD=p"}, NULL,
			NULL},
		{{"TYPEORM_HOST=" NAME, "TYPEORM_USERNAME=u", "TYPEORM_PASSWORD=p"}, "u", "p"},
		{{"DATABASE_URL=mysql://u:p@other.example.com/app"}, NULL, NULL},
		{{"DATABASE_URL=mysql://" NAME "/app"}, NULL, NULL},
		{{"DATABASE_URL=postgres://u:p@" NAME "/app"}, NULL, NULL},
		{{"DATABASE_URL=mysql"}, NULL, NULL},
		{{"DATABASE_URL=mysql://:@" NAME}, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envcreds creds = {.user = ""};
		bool found = envcreds_find(keep((char **)rows[i].lines), NAME, &creds);

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

		assert_true(envcreds_find(keep((char **)rows[i].lines), NAME, &c));
		if (c.ssl != rows[i].ssl || c.ssl_verify != rows[i].verify ||
			strcmp(c.ssl_ca, rows[i].ca) != 0)
			fail_msg("%s", rows[i].lines[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_prober_gets_no_password),
		cmocka_unit_test(test_credentials_are_for_that_very_name),
		cmocka_unit_test(test_credentials_carry_their_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
