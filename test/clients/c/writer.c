/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a row each few milliseconds on one connection, in autocommit, and says of each statement how
 * it went; one that a ping finds dead is made anew.  Knows nothing of Pelorus.
 *
 *   writer HOST NUMBER [MILLISECONDS [CA]]     over TLS, verified by the certificate CA
 *
 * Ends when its input does.  Prints "ok N" or "error N ERRNO SQLSTATE TEXT", each behind the time in
 * nanoseconds.  A statement that failed is never sent again under its number.
 */
#include <mysql.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void tell(MYSQL *mysql, long n, int failed)
{
	if (failed)
		printf("%lld error %ld %u %s %s\n", now_ns(), n, mysql_errno(mysql),
			mysql_sqlstate(mysql), mysql_error(mysql));
	else
		printf("%lld ok %ld\n", now_ns(), n);
	fflush(stdout);
}

static int input_ends(int pause_ms)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};

	return poll(&in, 1, pause_ms) != 0;
}

static MYSQL *handle_new(const char *ca)
{
	MYSQL *mysql = mysql_init(NULL);
	my_bool verify = 1;

	if (ca) {
		mysql_options(mysql, MYSQL_OPT_SSL_CA, ca);
		mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	}
	return mysql;
}

static int dial(MYSQL *mysql, const char *host)
{
	return mysql_real_connect(mysql, host, "app", "app", "app", 3306, NULL, 0) ? 0 : 1;
}

int main(int argc, char **argv)
{
	int number = argc > 2 ? atoi(argv[2]) : 0, pause_ms = argc > 3 ? atoi(argv[3]) : 5;
	const char *ca = argc > 4 ? argv[4] : NULL;
	char text[100];
	MYSQL *mysql;
	int failed;

	if (argc < 3)
		return 2;
	mysql = handle_new(ca);
	failed = dial(mysql, argv[1]);
	tell(mysql, 0, failed);
	if (failed)
		return 1;
	for (long n = 1; !input_ends(pause_ms); n++) {
		snprintf(text, sizeof(text), "INSERT INTO journal (writer, n) VALUES (%d, %ld)",
			number, n);
		failed = mysql_query(mysql, text);
		tell(mysql, n, failed);
		if (failed && mysql_ping(mysql) != 0) {
			mysql_close(mysql);
			mysql = handle_new(ca);
			(void)dial(mysql, argv[1]);
		}
	}
	mysql_close(mysql);
	return 0;
}
