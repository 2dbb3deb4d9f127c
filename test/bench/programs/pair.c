/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair FOLLOWED OTHER connect|SQL N: the same thing N times by either name, in turns.
 *
 * Both names lead to the same server.  Prints the median of each in nanoseconds.  In turns, because
 * two runs after each other differ by more than what is measured.
 */
#include <mysql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static MYSQL *connect_to(const char *host)
{
	MYSQL *mysql = mysql_init(NULL);

	if (!mysql_real_connect(mysql, host, "app", "app", "app", 3306, NULL, 0)) {
		fprintf(stderr, "%s\n", mysql_error(mysql));
		exit(3);
	}
	return mysql;
}

static long long time_connect(const char *host)
{
	long long begin = now_ns(), took;
	MYSQL *mysql = connect_to(host);

	took = now_ns() - begin;
	mysql_close(mysql);
	return took;
}

static long long time_query(MYSQL *mysql, const char *text)
{
	long long begin = now_ns();

	if (mysql_real_query(mysql, text, strlen(text))) {
		fprintf(stderr, "%s\n", mysql_error(mysql));
		exit(4);
	}
	mysql_free_result(mysql_store_result(mysql));
	return now_ns() - begin;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int n = argc == 5 ? atoi(argv[4]) : 0;
	long long *took[2] = {calloc((size_t)n + 1, sizeof(long long)),
		calloc((size_t)n + 1, sizeof(long long))};
	MYSQL *mysql[2];

	if (n <= 0)
		return 2;
	for (int k = 0; k < 2; k++)
		mysql[k] = connect_to(argv[1 + k]);
	for (int i = -20; i < n; i++) {
		for (int turn = 0; turn < 2; turn++) {
			int k = (i + turn) & 1;

			took[k][i < 0 ? 0 : i] = strcmp(argv[3], "connect") == 0
				? time_connect(argv[1 + k])
				: time_query(mysql[k], argv[3]);
		}
	}
	for (int k = 0; k < 2; k++) {
		qsort(took[k], (size_t)n, sizeof(long long), compare);
		printf("%lld ", took[k][n / 2]);
		mysql_close(mysql[k]);
	}
	printf("\n");
	return 0;
}
