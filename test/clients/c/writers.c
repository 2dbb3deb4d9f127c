/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As writer.c, by many threads with a handle each: writers HOST NUMBER [MILLISECONDS [THREADS]].
 * A row's number is its thread's number times 1,000,000 and its own.
 */
#include <mysql.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 256

static const char *host;
static int number, pause_ms = 20;
static int ended;

static void tell(MYSQL *mysql, long n, int failed)
{
	struct timespec t;
	long long ns;

	clock_gettime(CLOCK_BOOTTIME, &t);
	ns = (long long)t.tv_sec * 1000000000 + t.tv_nsec;
	if (failed)
		printf("%lld error %ld %u %s %s\n", ns, n, mysql_errno(mysql),
			mysql_sqlstate(mysql), mysql_error(mysql));
	else
		printf("%lld ok %ld\n", ns, n);
}

static void *work(void *context)
{
	long first = (long)(size_t)context * 1000000;
	struct timespec pause = {0, pause_ms * 1000000L};
	MYSQL *mysql = mysql_init(NULL);
	char text[100];

	if (!mysql_real_connect(mysql, host, "app", "app", "app", 3306, NULL, 0)) {
		tell(mysql, first, 1);
		return NULL;
	}
	for (long n = first + 1; !__atomic_load_n(&ended, __ATOMIC_RELAXED); n++) {
		snprintf(text, sizeof(text), "INSERT INTO journal (writer, n) VALUES (%d, %ld)",
			number, n);
		tell(mysql, n, mysql_query(mysql, text));
		nanosleep(&pause, NULL);
	}
	mysql_close(mysql);
	mysql_thread_end();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	size_t n = argc > 4 ? (size_t)atoi(argv[4]) : 64;
	struct pollfd in = {.fd = 0, .events = POLLIN};

	if (argc < 3 || n > THREADS_MAX || mysql_library_init(0, NULL, NULL))
		return 2;
	host = argv[1];
	number = atoi(argv[2]);
	pause_ms = argc > 3 ? atoi(argv[3]) : pause_ms;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, work, (void *)(i + 1));
	while (poll(&in, 1, -1) < 0)
		;
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	mysql_library_end();
	return 0;
}
