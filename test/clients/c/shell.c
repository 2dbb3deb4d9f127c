/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, led by lines on its input; each is answered by one line: "ok WORDS" or
 * "error ERRNO SQLSTATE TEXT".  Knows nothing of Pelorus.
 *
 *   init SQL | connect HOST [multi]     INIT_COMMAND before, CLIENT_MULTI_STATEMENTS
 *   query SQL                           the first row, its columns separated by '|'
 *   partly SQL                          mysql_use_result(), one row read, the result kept open
 *   free                                ... and closed
 *   send SQL | read                     mysql_send_query(), mysql_read_query_result()
 *   autocommit 0|1 | commit | rollback | ping | db NAME | charset NAME | reset | user NAME
 *   prepare N SQL | execute N           the first column of the first row, or the affected rows
 *   long N TEXT                         mysql_stmt_send_long_data(), parameter 0
 *   unprepare N                         mysql_stmt_close()
 *   session                             character set and thread id of the handle
 *   close
 */
#include <mysql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS 8

static MYSQL *mysql;
static MYSQL_RES *open_result;
static MYSQL_STMT *statements[STATEMENTS];

static int tell(int failed)
{
	if (failed)
		printf("error %u %s %s\n", mysql_errno(mysql), mysql_sqlstate(mysql),
			mysql_error(mysql));
	else
		printf("ok\n");
	return failed;
}

static void tell_row(MYSQL_RES *result)
{
	MYSQL_ROW row = mysql_fetch_row(result);

	printf("ok ");
	for (unsigned i = 0; row && i < mysql_num_fields(result); i++)
		printf("%s%s", i ? "|" : "", row[i] ? row[i] : "NULL");
	printf("\n");
}

static void take_result(int failed)
{
	MYSQL_RES *result;

	if (failed) {
		(void)tell(failed);
		return;
	}
	result = mysql_store_result(mysql);
	if (result)
		tell_row(result);
	else
		(void)tell(mysql_errno(mysql) != 0);
	mysql_free_result(result);
	while (mysql_more_results(mysql) && mysql_next_result(mysql) == 0)
		mysql_free_result(mysql_store_result(mysql));
}

static void take_part(const char *sql)
{
	if (mysql_query(mysql, sql)) {
		(void)tell(1);
		return;
	}
	open_result = mysql_use_result(mysql);
	tell_row(open_result);
}

static void tell_statement(MYSQL_STMT *stmt)
{
	long long value = 0;
	MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONGLONG,
		.buffer = &value,
		.buffer_length = sizeof(value)};

	if (mysql_stmt_field_count(stmt) > 0) {
		if (mysql_stmt_bind_result(stmt, &bind) || mysql_stmt_fetch(stmt) == 1)
			goto failed;
		mysql_stmt_free_result(stmt);
	} else {
		value = (long long)mysql_stmt_affected_rows(stmt);
	}
	printf("ok %lld\n", value);
	return;
failed:
	printf("error %u %s %s\n", mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt),
		mysql_stmt_error(stmt));
}

static void run_statement(const char *word, char *rest)
{
	unsigned i = (unsigned)strtoul(rest, &rest, 10) % STATEMENTS;
	MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_BLOB};
	int failed;

	rest += *rest == ' ';
	if (!statements[i])
		statements[i] = mysql_stmt_init(mysql);
	if (strcmp(word, "prepare") == 0)
		failed = mysql_stmt_prepare(statements[i], rest, strlen(rest));
	else if (strcmp(word, "long") == 0)
		failed = mysql_stmt_bind_param(statements[i], &bind) ||
			mysql_stmt_send_long_data(statements[i], 0, rest, strlen(rest));
	else
		failed = mysql_stmt_execute(statements[i]);
	if (failed)
		printf("error %u %s %s\n", mysql_stmt_errno(statements[i]),
			mysql_stmt_sqlstate(statements[i]), mysql_stmt_error(statements[i]));
	else if (strcmp(word, "execute") == 0)
		tell_statement(statements[i]);
	else
		printf("ok\n");
}

static int close_statement(const char *rest)
{
	unsigned i = (unsigned)strtoul(rest, NULL, 10) % STATEMENTS;
	int failed = mysql_stmt_close(statements[i]);

	statements[i] = NULL;
	return failed;
}

static void connect_to(char *rest)
{
	char *multi = strchr(rest, ' ');

	if (multi)
		*multi = '\0';
	(void)tell(!mysql_real_connect(mysql, rest, "app", "app", "app", 3306, NULL,
		multi ? CLIENT_MULTI_STATEMENTS : 0));
}

static void run(const char *word, char *rest)
{
	if (strcmp(word, "connect") == 0)
		connect_to(rest);
	else if (strcmp(word, "init") == 0)
		(void)tell(mysql_options(mysql, MYSQL_INIT_COMMAND, rest));
	else if (strcmp(word, "query") == 0)
		take_result(mysql_query(mysql, rest));
	else if (strcmp(word, "partly") == 0)
		take_part(rest);
	else if (strcmp(word, "free") == 0)
		mysql_free_result(open_result), tell(0);
	else if (strcmp(word, "send") == 0)
		(void)tell(mysql_send_query(mysql, rest, strlen(rest)));
	else if (strcmp(word, "read") == 0)
		take_result(mysql_read_query_result(mysql));
	else if (strcmp(word, "autocommit") == 0)
		(void)tell(mysql_autocommit(mysql, *rest == '1'));
	else if (strcmp(word, "commit") == 0)
		(void)tell(mysql_commit(mysql));
	else if (strcmp(word, "rollback") == 0)
		(void)tell(mysql_rollback(mysql));
	else if (strcmp(word, "ping") == 0)
		(void)tell(mysql_ping(mysql));
	else if (strcmp(word, "db") == 0)
		(void)tell(mysql_select_db(mysql, rest));
	else if (strcmp(word, "charset") == 0)
		(void)tell(mysql_set_character_set(mysql, rest));
	else if (strcmp(word, "reset") == 0)
		(void)tell(mysql_reset_connection(mysql));
	else if (strcmp(word, "user") == 0)
		(void)tell(mysql_change_user(mysql, rest, rest, "app"));
	else if (strcmp(word, "session") == 0)
		printf("ok %s %lu\n", mysql_character_set_name(mysql), mysql_thread_id(mysql));
	else if (strcmp(word, "unprepare") == 0)
		(void)tell(close_statement(rest));
	else
		run_statement(word, rest);
}

int main(void)
{
	char line[8192];

	mysql = mysql_init(NULL);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line + strcspn(line, " \n");

		line[strcspn(line, "\n")] = '\0';
		if (*rest)
			*rest++ = '\0';
		if (strcmp(line, "close") == 0)
			break;
		run(line, rest);
		fflush(stdout);
	}
	for (unsigned i = 0; i < STATEMENTS; i++) {
		if (statements[i])
			mysql_stmt_close(statements[i]);
	}
	mysql_close(mysql);
	return 0;
}
