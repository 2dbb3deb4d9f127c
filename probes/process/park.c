/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener of which nobody accepts, and whose queue is full of connections that we made ourselves: the
 * kernel drops every further SYN without a word.  Linux tells how full the queue is; a kernel that
 * does not, or answers all the same, is not one to have anybody wait at.
 *
 * One place in the queue, and not none: where there is none, older kernels take the first SYN for a
 * flood, and say so in their log.
 */
#include "park.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES 1
#define PER_FAMILY (PARK_FDS / 2)
#define SETTLE_MS 100 /* for a connection that we make, on a machine that is busy */
#define SILENT_MS 5   /* loopback answers at once */

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

static int stream(const union address *at)
{
	return socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int listener_open(union address *at)
{
	socklen_t size = sizeof(*at);
	int fd = stream(at);

	if (fd < 0)
		return -1;
	if (bind(fd, &at->any, size) == 0 && listen(fd, PLACES) == 0 &&
		getsockname(fd, &at->any, &size) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Of a listener these fields are how many wait in its queue, and how many may. */
static bool is_full(int listener)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	return getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
		info.tcpi_state == TCP_LISTEN && info.tcpi_unacked > info.tcpi_sacked;
}

/* Begins to connect, and waits for an answer of any kind; -1 if there can be none. */
static int knock(const union address *at, int wait_ms, bool *ret_answered)
{
	struct pollfd p = {.fd = stream(at), .events = POLLOUT};

	if (p.fd < 0)
		return -1;
	(void)connect(p.fd, &at->any, sizeof(*at));
	*ret_answered = poll(&p, 1, wait_ms) != 0;
	return p.fd;
}

static bool is_silent(const union address *at)
{
	bool answered = true;
	int fd = knock(at, SILENT_MS, &answered);

	if (fd >= 0)
		(void)close(fd);
	return !answered;
}

static void give_back(struct park *p, unsigned n)
{
	while (p->n > n)
		(void)close(p->fds[--p->n]);
}

/* The port, or 0. */
static uint16_t open_one(struct park *p, union address at)
{
	unsigned begin = p->n;
	int listener = listener_open(&at);
	bool answered;

	if (listener < 0)
		return 0;
	p->fds[p->n++] = listener;
	while (!is_full(listener) && p->n < begin + PER_FAMILY) {
		int fd = knock(&at, SETTLE_MS, &answered);

		if (fd < 0)
			break;
		p->fds[p->n++] = fd;
	}
	if (is_full(listener) && is_silent(&at))
		return ntohs(at.any.sa_family == AF_INET ? at.in4.sin_port : at.in6.sin6_port);
	give_back(p, begin);
	return 0;
}

void park_open(struct park *ret)
{
	const struct sockaddr_in in4 = {
		.sin_family = AF_INET,
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};

	ret->n = 0;
	ret->port4 = open_one(ret, (union address){.in4 = in4});
	ret->port6 = open_one(ret, (union address){.in6 = in6});
}

void park_close(struct park *park)
{
	give_back(park, 0);
	park->port4 = park->port6 = 0;
}
