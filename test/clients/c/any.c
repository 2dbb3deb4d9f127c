/* SPDX-License-Identifier: Apache-2.0 */
/* One row of the client matrix, by libmariadb; see test/clients/node/any.mjs: any WRITER READER CA. */
#include <mysql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
	int ok;
	char errors[4096];
	char value[64];
};

static char **words;
static MYSQL *open_handles[128];

static MYSQL *arrive(int verb)
{
	int key = verb == 'h' ? 'w' : verb;
	MYSQL *mysql = open_handles[key];
	my_bool verify = 1;

	if (mysql)
		return mysql;
	mysql = mysql_init(NULL);
	if (verb == 't' || verb == 'e')
		mysql_ssl_set(mysql, NULL, NULL, words[3], NULL, NULL);
	if (verb == 't')
		mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	open_handles[key] = mysql;
	/* A handle that did not connect answers 2006 to statements, which is told, and ends it. */
	(void)mysql_real_connect(mysql, words[verb == 'r' ? 2 : 1], "app", "app", "app", 3306, NULL,
		0);
	return mysql;
}

static void add_error(struct told *told, MYSQL *mysql)
{
	size_t used = strlen(told->errors);

	snprintf(told->errors + used, sizeof(told->errors) - used, "%s\"%u %s %.100s\"",
		used ? ", " : "", mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql));
	for (char *p = strchr(told->errors + used, '\n'); p; p = strchr(p, '\n'))
		*p = ' ';
}

static void leave_one(int key)
{
	if (open_handles[key])
		mysql_close(open_handles[key]);
	open_handles[key] = NULL;
}

static void run(struct told *told, int verb, const char *sql)
{
	MYSQL *mysql = arrive(verb);
	MYSQL_RES *result;
	MYSQL_ROW row;

	if (mysql_query(mysql, sql)) {
		add_error(told, mysql);
		if (mysql_ping(mysql) != 0)
			leave_one(verb == 'h' ? 'w' : verb);
		return;
	}
	told->ok++;
	result = mysql_store_result(mysql);
	row = result ? mysql_fetch_row(result) : NULL;
	if (row && row[0])
		snprintf(told->value, sizeof(told->value), "%s", row[0]);
	mysql_free_result(result);
}

static void leave(void)
{
	for (int i = 0; i < (int)(sizeof(open_handles) / sizeof(open_handles[0])); i++)
		leave_one(i);
}

int main(int argc, char **argv)
{
	char line[1000], *sql;

	if (argc != 4)
		return 2;
	words = argv;
	while (fgets(line, sizeof(line), stdin)) {
		struct told told = {0};
		long n = strtol(line + 1, &sql, 10);

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'x')
			leave();
		else
			for (; n > 0; n--)
				run(&told, line[0], sql + 1);
		printf("{\"ok\": %d, \"errors\": [%s], \"value\": \"%s\"}\n", told.ok, told.errors,
			told.value);
		fflush(stdout);
	}
	leave();
	return 0;
}
