/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection by libmariadb's asynchronous calls, led by lines on its input; each is answered by
 * one line: "ok WORDS" or "error ERRNO SQLSTATE TEXT".
 *
 *   connect HOST
 *   query SQL        mysql_real_query_start(); the first row, its columns separated by '|'
 *   text SQL         ... by mysql_query_start()
 *   ping             mysql_ping_start()
 */
#include <mysql.h>

#include <poll.h>
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

/* Waits for what the library waits for; what happened. */
static int wait_for(int events)
{
	struct pollfd p = {.fd = mysql_get_socket(mysql)};
	int timeout = events & MYSQL_WAIT_TIMEOUT ? (int)mysql_get_timeout_value_ms(mysql) : -1;

	p.events = (short)((events & MYSQL_WAIT_READ ? POLLIN : 0) |
		(events & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
		(events & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
	if (poll(&p, 1, timeout) == 0)
		return MYSQL_WAIT_TIMEOUT;
	return (p.revents & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0) |
		(p.revents & (POLLOUT | POLLHUP | POLLERR) ? MYSQL_WAIT_WRITE : 0) |
		(p.revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
}

static int connect_to(const char *host)
{
	MYSQL *result;
	int events =
		mysql_real_connect_start(&result, mysql, host, "app", "app", "app", 3306, NULL, 0);

	while (events)
		events = mysql_real_connect_cont(&result, mysql, wait_for(events));
	return result == NULL;
}

static int query(const char *text)
{
	int result, events = mysql_real_query_start(&result, mysql, text, strlen(text));

	while (events)
		events = mysql_real_query_cont(&result, mysql, wait_for(events));
	return result;
}

static int query_text(const char *text)
{
	int result, events = mysql_query_start(&result, mysql, text);

	while (events)
		events = mysql_query_cont(&result, mysql, wait_for(events));
	return result;
}

static int ping(void)
{
	int result, events = mysql_ping_start(&result, mysql);

	while (events)
		events = mysql_ping_cont(&result, mysql, wait_for(events));
	return result;
}

static MYSQL_RES *store(void)
{
	MYSQL_RES *result;
	int events = mysql_store_result_start(&result, mysql);

	while (events)
		events = mysql_store_result_cont(&result, mysql, wait_for(events));
	return result;
}

static void take_result(int failed)
{
	MYSQL_RES *result = failed ? NULL : store();
	MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;

	if (failed || (!result && mysql_errno(mysql) != 0)) {
		tell(1);
		return;
	}
	printf("ok");
	for (unsigned i = 0; row && i < mysql_num_fields(result); i++)
		printf("%s%s", i ? "|" : " ", row[i] ? row[i] : "NULL");
	printf("\n");
	mysql_free_result(result);
}

int main(void)
{
	char line[8192];

	mysql = mysql_init(NULL);
	mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line + strcspn(line, " \n");

		line[strcspn(line, "\n")] = '\0';
		if (*rest)
			*rest++ = '\0';
		if (strcmp(line, "connect") == 0)
			tell(connect_to(rest));
		else if (strcmp(line, "query") == 0)
			take_result(query(rest));
		else if (strcmp(line, "text") == 0)
			take_result(query_text(rest));
		else
			tell(ping());
		fflush(stdout);
	}
	mysql_close(mysql);
	return 0;
}
