/* SPDX-License-Identifier: Apache-2.0 */
/* What a .env file says, and the credentials that it holds. */
#include "credentials/env_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "db.cluster-abc.us-east-1.rds.amazonaws.com"

static void test_lines_are_read_as_dotenv_reads_them(void **state)
{
	static const struct {
		const char *text, *want; /* joined by '|' */
	} rows[] = {
		{"", ""},
		{"A=1", "A=1"},
		{"A=1\nB=2\n", "A=1|B=2"},
		{"A=1\r\nB=2\r\n", "A=1|B=2"},
		{"# A=1\n\n  B=2", "B=2"},
		{"export A=1\nexporter=2", "A=1|exporter=2"},
		{"A = 1 \n", "A=1"},
		{"A=", "A="},
		{"A=\nB=2", "A=|B=2"},
		{"A=#x", "A=#x"},
		{"A= #x", "A="},
		{"A=a#b", "A=a#b"},
		{"A=a #b", "A=a"},
		{"A='a #b' # c", "A=a #b"},
		{"A=\"a #b\" # c", "A=a #b"},
		{"A=`a 'b\"`", "A=a 'b\""},
		{"A='a\\nb'", "A=a\\nb"},
		{"A=\"a\\nb\\\"c\\\\\"", "A=a\nb\"c\\"},
		{"A=a\\nb", "A=a\\nb"},
		{"A=\"x\ny\"\nB=2", "A=x\ny|B=2"},
		{"A='x\ny'\nB=2", "A=x\ny|B=2"},
		{"A=it's\nB=2", "A=it's|B=2"},
		{"A='x\nB=2", "A='x|B=2"},
		{"A=\"x\\\"", "A=\"x\\\""},
		{"A=\"x\\d\"", "A=x\\d"},
		{"A=1\nA=2", "A=2"},
		{"AB=1\nA=2", "AB=1|A=2"},
		{"A=p$w", "A=p$w"},
		{"A=1\nB=x${A}y", "A=1|B=x1y"},
		{"A=1\nB=\"x${A}\"", "A=1|B=x1"},
		{"A=1\nB='x${A}'", "A=1|B=x${A}"},
		{"A=${OF_THE_ENVIRONMENT}", "A=e"},
		{"A=${NOWHERE}.", "A=."},
		{"A=${B", "A=${B"},
		{"no assignment\nA=1", "A=1"},
		{"=1\nA=1", "A=1"},
		{"A=a=b", "A=a=b"},
		{"\xef\xbb\xbf"
		 "A=1\nB=2",
			"A=1|B=2"},
	};
	struct env_file *file = calloc(1, sizeof(*file));

	assert_int_equal(setenv("OF_THE_ENVIRONMENT", "e", 1), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char got[256] = "";

		assert_int_equal(env_file_parse(rows[i].text, file), 0);
		for (unsigned k = 0; k < file->n; k++) {
			strcat(got, k ? "|" : "");
			strcat(got, file->list[k]);
		}
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].text, got);
	}
	free(file);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	struct env_file *file = calloc(1, sizeof(*file));
	char *text = malloc(sizeof(file->room) + 16);

	memset(text, 'x', sizeof(file->room) + 15);
	text[sizeof(file->room) + 15] = '\0';
	text[1] = '=';
	assert_true(env_file_parse(text, file) < 0);
	text[0] = '\0';
	for (unsigned i = 0; i <= ENV_FILE_LINES; i++)
		(void)sprintf(text + strlen(text), "k%u=\n", i);
	assert_true(env_file_parse(text, file) < 0);
	free(text);
	free(file);
}

static void test_the_url_has_host_and_credentials(void **state)
{
	static const struct {
		const char *text, *url; /* NULL: there are none */
	} rows[] = {
		{"DB_HOST=" NAME "\nDB_PORT=3306\nDB_USERNAME=u\nDB_PASSWORD=p\n",
			"mysql://u:p@" NAME "/"},
		{"DB_HOST=" NAME "\nDB_USER=u\nDB_PASSWORD='p@:/ %?#'\n",
			"mysql://u:p%40%3A%2F%20%25%3F%23@" NAME "/"},
		{"U=u\nDATABASE_URL=\"mysql://${U}:p%40@" NAME "/app?sslmode=verify-full\"\n",
			"mysql://u:p%40@" NAME "/?sslmode=verify-full"},
		{"RDS_HOSTNAME=" NAME "\nRDS_USERNAME=u\nPELORUS_SSL_CA=/a b.pem\n",
			"mysql://u:@" NAME "/?sslmode=require&sslca=%2Fa%20b.pem"},
		{"DB_HOST=" NAME "\nDB_USER=u\nPELORUS_USER=m\nPELORUS_PASSWORD=s\n",
			"mysql://m:s@" NAME "/"},
		{"DB_HOST=" NAME "\n", NULL},
		{"DB_USER=u\nDB_PASSWORD=p\n", NULL},
		{"", NULL},
	};
	char path[] = "/tmp/test-env-file-XXXXXX", url[ENV_URL_MAX];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].text);
		int r;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, rows[i].text, n, 0), n);
		r = env_file_url(path, url);
		if ((r == 0) != (rows[i].url != NULL) || (r == 0 && strcmp(url, rows[i].url) != 0))
			fail_msg("%s: %d %s", rows[i].text, r, url);
	}
	(void)close(fd);
	(void)unlink(path);
	assert_true(env_file_url("/nonexistent/.env", url) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_read_as_dotenv_reads_them),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
		cmocka_unit_test(test_the_url_has_host_and_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
