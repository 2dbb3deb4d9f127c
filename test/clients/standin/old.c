/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with an old client library, and with many places that execute a statement:
 *
 *   old HOST async           connects and executes by the calls that do not block
 *   old HOST sites ROUNDS    executes at each of SITES places in turn, ROUNDS times over; prints
 *                            the nanoseconds that one statement took
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SITES 512
#define TEXT "SELECT 1"

void *mysql_init(void *given);
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags);
int mysql_real_connect_start(void **ret, void *h, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *path, unsigned long flags);
int mysql_real_connect_cont(void **ret, void *h, int events);
int mysql_real_query(void *h, const char *text, unsigned long n);
int mysql_real_query_start(int *ret, void *h, const char *text, unsigned long n);
unsigned mysql_errno(void *h);
void mysql_close(void *h);

/* Each is a place of its own, whose return address differs from all others. */
#define SITE failed |= mysql_real_query(h, TEXT, sizeof(TEXT) - 1);
#define SITES_8 SITE SITE SITE SITE SITE SITE SITE SITE
#define SITES_64 SITES_8 SITES_8 SITES_8 SITES_8 SITES_8 SITES_8 SITES_8 SITES_8
#define SITES_512 SITES_64 SITES_64 SITES_64 SITES_64 SITES_64 SITES_64 SITES_64 SITES_64

static int execute_everywhere(void *h)
{
	int failed = 0;

	SITES_512
	return failed;
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int run_sites(const char *host, int rounds)
{
	void *h = mysql_init(NULL);
	int failed = !mysql_real_connect(h, host, "app", "app", "app", 3306, NULL, 0);
	long long begin;

	failed |= execute_everywhere(h);
	begin = now_ns();
	for (int i = 0; i < rounds; i++)
		failed |= execute_everywhere(h);
	printf("%lld\n", (now_ns() - begin) / rounds / SITES);
	mysql_close(h);
	return failed;
}

static int run_async(const char *host)
{
	void *h = mysql_init(NULL), *connected = NULL;
	int failed = 1;
	int events =
		mysql_real_connect_start(&connected, h, host, "app", "app", "app", 3306, NULL, 0);

	while (events)
		events = mysql_real_connect_cont(&connected, h, events);
	if (connected)
		(void)mysql_real_query_start(&failed, h, TEXT, sizeof(TEXT) - 1);
	printf("%s, %s, %u\n", connected == h ? "connected" : "not connected",
		failed ? "failed" : "went well", mysql_errno(h));
	mysql_close(h);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[2], "sites") == 0)
		return run_sites(argv[1], atoi(argv[3]));
	return argc > 2 ? run_async(argv[1]) : 2;
}
