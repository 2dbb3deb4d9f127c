/* SPDX-License-Identifier: Apache-2.0 */
#include "socket.h"

#include "known/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_PEERNAME
#define SO_PEERNAME 28
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_NETNS_COOKIE /* Linux 5.14 */
#define SO_NETNS_COOKIE 71
#endif

#define SEGMENTS_IN 140 /* tcpi_segs_in, in what TCP_INFO tells */

static uint64_t long_option(int fd, int name)
{
	uint64_t value = 0;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) < 0 ? 0 : value;
}

uint64_t socket_cookie(int fd)
{
	return long_option(fd, SO_COOKIE);
}

uint64_t socket_netns(int fd)
{
	return long_option(fd, SO_NETNS_COOKIE);
}

int socket_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, level, name, &value, &n) < 0 ? -1 : value;
}

bool socket_blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static bool read_info(int fd, struct tcp_info *ret)
{
	socklen_t n = sizeof(*ret);

	memset(ret, 0, n);
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &n) == 0;
}

int socket_state(int fd)
{
	struct tcp_info info;

	return read_info(fd, &info) ? info.tcpi_state : -1;
}

/*
 * The kernel tells the error once, and it is for the program: what failed by the first segment that came
 * was refused.  <netinet/tcp.h> ends before their number.
 */
bool socket_is_refused(int fd)
{
	struct pollfd failed = {.fd = fd};
	uint8_t info[SEGMENTS_IN + sizeof(uint32_t)];
	uint32_t segments;
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &n) < 0 || n < sizeof(info) ||
		info[offsetof(struct tcp_info, tcpi_state)] != TCP_CLOSE)
		return false;
	memcpy(&segments, info + SEGMENTS_IN, sizeof(segments));
	return segments == 1 && poll(&failed, 1, 0) == 1 && (failed.revents & POLLERR);
}

bool socket_is_idle(int fd)
{
	struct pollfd unread = {.fd = fd, .events = POLLIN};
	struct tcp_info info;

	return read_info(fd, &info) && sever_is_idle(&info) && poll(&unread, 1, 0) == 0;
}

struct pel_addr socket_address(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	struct pel_addr own = {0};

	if (getsockname(fd, (struct sockaddr *)&sa, &n) == 0)
		(void)address_from_sockaddr((const struct sockaddr *)&sa, n, &own);
	return own;
}

bool socket_is_same(const struct pel_addr *a, const struct pel_addr *b)
{
	return a->family == b->family && a->port == b->port &&
		memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool socket_goes_to(int fd, const struct pel_addr *to)
{
	struct sockaddr_storage sa;
	struct pel_addr peer;
	socklen_t n = sizeof(struct sockaddr_in6);
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &sa, &n);

	/* The kernel refuses a size that it cannot fill; getpeername() tells nothing before the end. */
	if (r < 0) {
		n = sizeof(struct sockaddr_in);
		r = getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &sa, &n);
	}
	return r == 0 && address_from_sockaddr((const struct sockaddr *)&sa, n, &peer) &&
		socket_is_same(&peer, to);
}

int socket_begin(int fd, const struct pel_addr *to, int family, struct trap_call *call)
{
	struct sockaddr_storage sa;
	socklen_t n = address_to_sockaddr(to, family, &sa);
	int flags = fcntl(fd, F_GETFL), r;

	if (n == 0 || flags < 0)
		return n == 0 ? ENETUNREACH : errno;
	if (!(flags & O_NONBLOCK)) {
		if (call)
			call->unblocked = 1;
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
	trap_fault(6);
	r = connect(fd, (const struct sockaddr *)&sa, n) == 0 ? 0 : errno;
	trap_fault(7);
	if (!(flags & O_NONBLOCK)) {
		(void)fcntl(fd, F_SETFL, flags);
		if (call)
			call->unblocked = 0;
	}
	return r;
}

void socket_restore(int fd, struct trap_call *call)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && socket_cookie(fd) == atomic_load(&call->socket.cookie))
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	call->unblocked = 0;
}

bool socket_disconnect(int fd)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

#ifdef PELORUS_TRAP_FAULTS
	if (getenv("PELORUS_TRAP_STUCK") && unlink(getenv("PELORUS_TRAP_STUCK")) == 0)
		return false;
#endif
	return connect(fd, &none, sizeof(none)) == 0;
}

uint32_t socket_patience(int fd, int tries)
{
	int before = socket_option(fd, IPPROTO_TCP, TCP_SYNCNT);

	(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries));
	return before > 0 ? (uint32_t)before : 0;
}
