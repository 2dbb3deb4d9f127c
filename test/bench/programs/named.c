/* SPDX-License-Identifier: Apache-2.0 */
/*
 * named WHAT NAME PORT N: what a name costs, N times over.
 *
 * WHAT is lookup (getaddrinfo and freeaddrinfo of NAME), connect (NAME is looked up once, then
 * connected to and closed N times, blocking), time (the same, each connect to NAME next to one to
 * 127.0.0.1, in turns; prints the median nanoseconds of both), or whole (lookup and connect, each
 * time; prints the median).
 */
#include <netdb.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct addrinfo *lookup(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int r = getaddrinfo(name, port, &hints, &list);

	if (r != 0) {
		fprintf(stderr, "named: %s: %s\n", name, gai_strerror(r));
		exit(3);
	}
	return list;
}

static long now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* How long connect() itself took. */
static long connect_once(const struct sockaddr *to, socklen_t size)
{
	struct linger at_once = {.l_onoff = 1};
	int fd = socket(to->sa_family, SOCK_STREAM, 0);
	long begin, took;

	/* an abortive close leaves no TIME_WAIT, so that ports do not run out */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	begin = now_ns();
	if (connect(fd, to, size) < 0) {
		perror("named: connect");
		exit(3);
	}
	took = now_ns() - begin;
	(void)close(fd);
	return took;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void time_both(const struct addrinfo *named, const char *port, int n)
{
	struct addrinfo *bare = lookup("127.0.0.1", port);
	long *took = calloc((size_t)n * 2, sizeof(*took));

	for (int i = 0; i < n; i++) {
		took[i] = connect_once(named->ai_addr, named->ai_addrlen);
		took[n + i] = connect_once(bare->ai_addr, bare->ai_addrlen);
	}
	qsort(took, (size_t)n, sizeof(*took), compare);
	qsort(took + n, (size_t)n, sizeof(*took), compare);
	printf("%ld %ld\n", took[n / 2], took[n + n / 2]);
	free(took);
	freeaddrinfo(bare);
}

static void time_whole(const char *name, const char *port, int n)
{
	long *took = calloc((size_t)n, sizeof(*took));

	for (int i = 0; i < n; i++) {
		long begin = now_ns();
		struct addrinfo *list = lookup(name, port);

		took[i] = now_ns() - begin;
		took[i] += connect_once(list->ai_addr, list->ai_addrlen);
		freeaddrinfo(list);
	}
	qsort(took, (size_t)n, sizeof(*took), compare);
	printf("%ld\n", took[n / 2]);
	free(took);
}

int main(int argc, char **argv)
{
	struct addrinfo *list;
	int n;

	if (argc != 5 || (n = atoi(argv[4])) <= 0)
		return 2;
	list = lookup(argv[2], argv[3]);
	if (strcmp(argv[1], "time") == 0)
		time_both(list, argv[3], n);
	if (strcmp(argv[1], "whole") == 0)
		time_whole(argv[2], argv[3], n);
	for (int i = 0; i < n; i++) {
		if (strcmp(argv[1], "lookup") == 0)
			freeaddrinfo(lookup(argv[2], argv[3]));
		else if (strcmp(argv[1], "connect") == 0)
			(void)connect_once(list->ai_addr, list->ai_addrlen);
	}
	freeaddrinfo(list);
	return 0;
}
