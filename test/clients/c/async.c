/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As writer.c, by libmariadb's asynchronous calls: async HOST NUMBER [MILLISECONDS].
 *
 * Behind any error it makes its connection anew.  A timer of its own must fire every 10 ms throughout:
 * each call into the library that takes longer than 1 s is told as "blocked".
 */
#include <mysql.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCKED_NS 1000000000

static MYSQL *mysql;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void tell(long n, int failed)
{
	if (failed)
		printf("%lld error %ld %u %s %s\n", now_ns(), n, mysql_errno(mysql),
			mysql_sqlstate(mysql), mysql_error(mysql));
	else
		printf("%lld ok %ld\n", now_ns(), n);
	fflush(stdout);
}

static long long entered;

static void enter(void)
{
	entered = now_ns();
}

static void leave(void)
{
	if (now_ns() - entered > BLOCKED_NS)
		printf("%lld blocked 0 %lld\n", now_ns(), now_ns() - entered);
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

static int query(const char *text)
{
	int result, events;

	enter();
	events = mysql_real_query_start(&result, mysql, text, strlen(text));
	leave();
	while (events) {
		int ready = wait_for(events);

		enter();
		events = mysql_real_query_cont(&result, mysql, ready);
		leave();
	}
	return result;
}

static int connect_to(const char *host)
{
	MYSQL *result;
	int events;

	mysql = mysql_init(NULL);
	mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0);
	enter();
	events = mysql_real_connect_start(&result, mysql, host, "app", "app", "app", 3306, NULL, 0);
	leave();
	while (events) {
		int ready = wait_for(events);

		enter();
		events = mysql_real_connect_cont(&result, mysql, ready);
		leave();
	}
	return result == NULL || query("SET lock_wait_timeout = 77");
}

int main(int argc, char **argv)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	int number = argc > 2 ? atoi(argv[2]) : 0, pause_ms = argc > 3 ? atoi(argv[3]) : 5;
	char text[100];
	int failed;

	if (argc < 3)
		return 2;
	failed = connect_to(argv[1]);
	tell(0, failed);
	if (failed)
		return 1;
	for (long n = 1; poll(&in, 1, pause_ms) == 0; n++) {
		snprintf(text, sizeof(text), "INSERT INTO journal (writer, n) VALUES (%d, %ld)",
			number, n);
		if (failed) {
			mysql_close(mysql);
			failed = connect_to(argv[1]);
		}
		failed = failed || query(text);
		tell(n, failed);
	}
	if (query("SELECT @@lock_wait_timeout") == 0) {
		MYSQL_RES *result = mysql_store_result(mysql);
		MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;

		printf("%lld kept %s\n", now_ns(), row ? row[0] : "-");
		mysql_free_result(result);
	}
	mysql_close(mysql);
	return 0;
}
