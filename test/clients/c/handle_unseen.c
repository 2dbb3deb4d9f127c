/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection by libmariadb, led by lines on its input, which changes its session by calls that
 * few programs use; each line is answered by "ok WORDS" or "error ERRNO SQLSTATE TEXT".
 *
 *   connect HOST
 *   query SQL       mysql_query(); the first row, its columns separated by '|'
 *   direct SQL      mariadb_stmt_execute_direct()
 *   stmt SQL        mysql_stmt_prepare_start(), mysql_stmt_execute_start()
 *   send SQL        mysql_send_query_start(), then mysql_read_query_result()
 *   multi 0|1       mysql_set_server_option()
 *   autocommit 0|1  mysql_autocommit_start()
 *   db NAME         mysql_select_db_start()
 *   user NAME       mysql_change_user_start()
 *   stat            mysql_stat(): "ok UP ERRNO", UP 1 if it told of the server
 *   jump TABLE      loads a local file into a table, jumps out of the library's callback by
 *                   longjmp(), and closes the handle; a new one takes its place
 */
#include <mysql.h>

#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static MYSQL *mysql;

static void tell(int failed)
{
	if (failed)
		printf("error %u %s %s\n", mysql_errno(mysql), mysql_sqlstate(mysql),
			mysql_error(mysql));
	else
		printf("ok\n");
}

static void tell_stmt(MYSQL_STMT *stmt, int failed)
{
	if (failed)
		printf("error %u %s %s\n", mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt),
			mysql_stmt_error(stmt));
	else
		printf("ok\n");
	mysql_stmt_close(stmt);
}

static int wait_for(int events)
{
	struct pollfd p = {.fd = mysql_get_socket(mysql)};

	p.events = (short)((events & MYSQL_WAIT_READ ? POLLIN : 0) |
		(events & MYSQL_WAIT_WRITE ? POLLOUT : 0));
	(void)poll(&p, 1, -1);
	return (p.revents & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0) |
		(p.revents & (POLLOUT | POLLHUP | POLLERR) ? MYSQL_WAIT_WRITE : 0);
}

static void run_query(const char *text)
{
	MYSQL_RES *result = mysql_query(mysql, text) ? NULL : mysql_store_result(mysql);
	MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;

	if (!result && mysql_errno(mysql) != 0) {
		tell(1);
		return;
	}
	printf("ok");
	for (unsigned i = 0; row && i < mysql_num_fields(result); i++)
		printf("%s%s", i ? "|" : " ", row[i] ? row[i] : "NULL");
	printf("\n");
	mysql_free_result(result);
	while (mysql_more_results(mysql) && mysql_next_result(mysql) == 0)
		mysql_free_result(mysql_store_result(mysql));
}

static void run_direct(const char *text)
{
	MYSQL_STMT *stmt = mysql_stmt_init(mysql);

	tell_stmt(stmt, mariadb_stmt_execute_direct(stmt, text, strlen(text)));
}

static void run_stmt(const char *text)
{
	MYSQL_STMT *stmt = mysql_stmt_init(mysql);
	int failed, events = mysql_stmt_prepare_start(&failed, stmt, text, strlen(text));

	while (events)
		events = mysql_stmt_prepare_cont(&failed, stmt, wait_for(events));
	if (!failed)
		events = mysql_stmt_execute_start(&failed, stmt);
	while (events)
		events = mysql_stmt_execute_cont(&failed, stmt, wait_for(events));
	tell_stmt(stmt, failed);
}

static void run_send(const char *text)
{
	int failed, events = mysql_send_query_start(&failed, mysql, text, strlen(text));

	while (events)
		events = mysql_send_query_cont(&failed, mysql, wait_for(events));
	if (!failed)
		failed = mysql_read_query_result(mysql);
	tell(failed);
}

static void run_autocommit(const char *text)
{
	my_bool failed;
	int events = mysql_autocommit_start(&failed, mysql, *text == '1');

	while (events)
		events = mysql_autocommit_cont(&failed, mysql, wait_for(events));
	tell(failed);
}

static void run_db(const char *text)
{
	int failed, events = mysql_select_db_start(&failed, mysql, text);

	while (events)
		events = mysql_select_db_cont(&failed, mysql, wait_for(events));
	tell(failed);
}

static void run_user(const char *text)
{
	my_bool failed;
	int events = mysql_change_user_start(&failed, mysql, text, text, "app");

	while (events)
		events = mysql_change_user_cont(&failed, mysql, wait_for(events));
	tell(failed);
}

static void run_multi(const char *text)
{
	tell(mysql_set_server_option(mysql,
		*text == '1' ? MYSQL_OPTION_MULTI_STATEMENTS_ON
			     : MYSQL_OPTION_MULTI_STATEMENTS_OFF));
}

static void run_stat(const char *rest)
{
	const char *text = mysql_stat(mysql);

	printf("ok %d %u\n", text && strncmp(text, "Uptime", 6) == 0, mysql_errno(mysql));
}

static MYSQL *make(void)
{
	MYSQL *made = mysql_init(NULL);
	unsigned on = 1;

	mysql_options(made, MYSQL_OPT_NONBLOCK, 0);
	mysql_options(made, MYSQL_OPT_LOCAL_INFILE, &on);
	return made;
}

static jmp_buf back;

static int infile_init(void **ret, const char *name, void *context)
{
	longjmp(back, 1);
}

static int infile_read(void *context, char *buffer, unsigned size)
{
	return 0;
}

static void infile_end(void *context)
{
}

static int infile_error(void *context, char *text, unsigned size)
{
	return 1;
}

static void run_jump(const char *table)
{
	char text[200];

	snprintf(text, sizeof(text), "LOAD DATA LOCAL INFILE 'any' INTO TABLE %s", table);
	mysql_set_local_infile_handler(mysql, infile_init, infile_read, infile_end, infile_error,
		NULL);
	if (setjmp(back) == 0) {
		tell(mysql_query(mysql, text) != 0);
		return;
	}
	mysql_close(mysql);
	mysql = make();
	printf("ok jumped\n");
}

static void run_connect(const char *host)
{
	tell(!mysql_real_connect(mysql, host, "app", "app", "app", 3306, NULL, 0));
}

static const struct {
	const char *word;
	void (*run)(const char *rest);
} words[] = {
	{"connect", run_connect},
	{"query", run_query},
	{"direct", run_direct},
	{"stmt", run_stmt},
	{"send", run_send},
	{"multi", run_multi},
	{"autocommit", run_autocommit},
	{"db", run_db},
	{"user", run_user},
	{"stat", run_stat},
	{"jump", run_jump},
};

int main(void)
{
	char line[8192];

	mysql = make();
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line + strcspn(line, " \n");

		line[strcspn(line, "\n")] = '\0';
		if (*rest)
			*rest++ = '\0';
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			if (strcmp(line, words[i].word) == 0)
				words[i].run(rest);
		}
		fflush(stdout);
	}
	mysql_close(mysql);
	return 0;
}
