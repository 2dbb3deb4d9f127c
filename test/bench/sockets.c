/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets NAME PORT N: holds N connections made through a name, and tells when each ended.
 *
 * Writes "ready" once all are open.  Then, for each that ends, a line with CLOCK_BOOTTIME in
 * nanoseconds, taken as soon as poll() says so; ends by itself when all have ended, or when its
 * standard input does.
 */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 4096

static long now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int open_one(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int fd, r;

	if (getaddrinfo(name, port, &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, 0);
	r = connect(fd, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return r < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	static struct pollfd fds[SOCKETS_MAX + 1];
	int n = argc == 4 ? atoi(argv[3]) : 0, left = n;

	if (n <= 0 || n > SOCKETS_MAX)
		return 2;
	for (int i = 0; i < n; i++) {
		fds[i] = (struct pollfd){.fd = open_one(argv[1], argv[2]), .events = POLLIN};
		if (fds[i].fd < 0) {
			perror("sockets");
			return 3;
		}
	}
	fds[n] = (struct pollfd){.fd = 0, .events = POLLIN};
	puts("ready");
	(void)fflush(stdout);
	while (left > 0 && poll(fds, (nfds_t)n + 1, -1) > 0 && !fds[n].revents) {
		long now = now_ns();

		for (int i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			printf("%ld\n", now);
			fds[i].fd = -1;
			fds[i].revents = 0;
			left--;
		}
	}
	return 0;
}
