/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets NAME PORT N: holds N connections made through a name, and tells when each ended; with
 * none, it has looked the name up, and stays.
 *
 * Writes "ready" once all are open.  When all have ended it writes, one on a line, the CLOCK_BOOTTIME
 * in nanoseconds at which poll() told of each, and stays until its standard input ends: neither
 * writing nor exiting may take time from the processes that still wait.  SIGPIPE is ignored, as by
 * Node, PHP and Python.
 */
#include <netdb.h>
#include <poll.h>
#include <signal.h>
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

static struct addrinfo *look_up(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;

	return getaddrinfo(name, port, &hints, &list) == 0 ? list : NULL;
}

static int open_one(const char *name, const char *port)
{
	struct addrinfo *list = look_up(name, port);
	int fd, r;

	if (!list)
		return -1;
	fd = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, 0);
	r = connect(fd, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return r < 0 ? -1 : fd;
}

/* Waits until all have ended, or standard input has; `when` gets the moment of each. */
static int await_ends(struct pollfd *fds, int n, long *when)
{
	int ended = 0;

	while (ended < n && poll(fds, (nfds_t)n + 1, -1) > 0 && !fds[n].revents) {
		long now = now_ns();

		for (int i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			when[ended++] = now;
			fds[i].fd = -1;
			fds[i].revents = 0;
		}
	}
	return ended;
}

int main(int argc, char **argv)
{
	static struct pollfd fds[SOCKETS_MAX + 1];
	static long when[SOCKETS_MAX];
	int n = argc == 4 ? atoi(argv[3]) : 0, ended;

	if (argc != 4 || n < 0 || n > SOCKETS_MAX || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 2;
	for (int i = 0; i < n; i++) {
		fds[i] = (struct pollfd){.fd = open_one(argv[1], argv[2]), .events = POLLIN};
		if (fds[i].fd < 0) {
			perror("sockets");
			return 3;
		}
	}
	if (n == 0)
		freeaddrinfo(look_up(argv[1], argv[2]));
	fds[n] = (struct pollfd){.fd = 0, .events = POLLIN};
	puts("ready");
	(void)fflush(stdout);
	ended = await_ends(fds, n, when);
	for (int i = 0; i < ended; i++)
		printf("%ld\n", when[i]);
	(void)fflush(stdout);
	(void)poll(&fds[n], 1, -1);
	return 0;
}
