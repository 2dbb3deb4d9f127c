/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with threads: eight of them look up localhost and connect to it, over and over, next to
 * a datagram and a unix socket, and each checks results and errno of every call.
 *
 *   threads PORT ROUNDS     a port that listens; prints how many calls were as expected
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS 8

static const char *port;
static int rounds;
static __thread int good;

static void expect(int condition)
{
	good += condition != 0;
}

static void one_lookup(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
	int fd;

	expect(getaddrinfo("localhost", port, &hints, &list) == 0);
	if (!list)
		return;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	errno = 77;
	expect(connect(fd, list->ai_addr, list->ai_addrlen) == 0 && errno == 77);
	expect(connect(fd, list->ai_addr, list->ai_addrlen) == -1 && errno == EISCONN);
	freeaddrinfo(list);
	(void)close(fd);
}

static void one_failure(void)
{
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(connect(fd, (void *)&nowhere, sizeof(nowhere)) == -1 && errno == ENOENT);
	expect(connect(fd, NULL, 0) == -1 && (errno == EFAULT || errno == EINVAL));
	expect(connect(-1, (void *)&nowhere, sizeof(nowhere)) == -1 && errno == EBADF);
	expect(getaddrinfo("no.such.address", NULL, &hints, &list) == EAI_NONAME);
	(void)close(fd);
}

static void *run(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < rounds; i++) {
		one_lookup();
		one_failure();
	}
	return (void *)(long)good;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	long sum = 0;

	if (argc != 3)
		return 3;
	port = argv[1];
	rounds = atoi(argv[2]);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, run, NULL))
			return 4;
	}
	for (int i = 0; i < THREADS; i++) {
		void *got;

		if (pthread_join(threads[i], &got))
			return 4;
		sum += (long)got;
	}
	printf("%ld of %d as expected\n", sum, THREADS * rounds * 7);
	return sum == THREADS * rounds * 7 ? 0 : 1;
}
