/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with one long connection, as a script has it: connects by name, prints the line that it
 * is greeted with, then sits in a blocking read until the connection ends, and connects again.
 *
 *   follow NAME PORT TIMES    ends after having been greeted TIMES times
 *
 * A second thread looks localhost up all the while, so that the library is busy in two places.
 */
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static atomic_int over;

static void *look_up(void *ctx)
{
	struct timespec pause = {.tv_nsec = 1000000};
	struct addrinfo *list;

	while (!atomic_load(&over)) {
		if (getaddrinfo("localhost", NULL, NULL, &list) == 0)
			freeaddrinfo(list);
		(void)nanosleep(&pause, NULL);
	}
	return ctx;
}

static int connect_by_name(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int fd, r = getaddrinfo(name, port, &hints, &list);

	if (r != 0) {
		fprintf(stderr, "follow: %s\n", gai_strerror(r));
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		perror("follow: connect");
		(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

/* Prints up to the line feed; false if the connection ended before it. */
static int print_greeting(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1) {
		(void)putchar(c);
		if (c == '\n')
			return fflush(stdout) == 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int times = argc == 4 ? atoi(argv[3]) : 0;
	pthread_t thread;
	char c;

	if (times <= 0 || pthread_create(&thread, NULL, look_up, NULL))
		return 2;
	for (int i = 0; i < times; i++) {
		int fd = connect_by_name(argv[1], argv[2]);

		if (fd < 0 || !print_greeting(fd))
			return 3;
		if (i + 1 < times && read(fd, &c, 1) <= 0)
			puts("ended");
		(void)close(fd);
	}
	atomic_store(&over, 1);
	return pthread_join(thread, NULL) || fflush(stdout) ? 4 : 0;
}
