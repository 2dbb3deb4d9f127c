/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvfrom() and recvmsg(), by which programs with a resolver of their own (c-ares, Netty, hickory) take
 * what a nameserver answers.  read() and recv(), by which a statement's result comes, have no hook.
 *
 * The real call is made as it was asked for.  What comes from another port than 53 costs a compare;
 * where the caller does not want to know the sender, the bytes themselves have to look like an answer
 * before anybody is asked who sent them.
 */
#include "answer.h"
#include "base/real.h"
#include "rules/dns_answer.h"

#include <netinet/in.h>

/* Under names of our own: glibc declares the address as a union, which no other libc does. */
#define EXPORT_AS(name) __asm__(name) __attribute__((visibility("default")))
ssize_t hook_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
	socklen_t *len) EXPORT_AS("recvfrom");
ssize_t hook_recvmsg(int fd, struct msghdr *msg, int flags) EXPORT_AS("recvmsg");

/* Whether the port, which is at one place in both families' addresses, is DNS's. */
static inline bool is_port_53(const void *addr)
{
	return ((const struct sockaddr_in *)addr)->sin_port == htons(53);
}

static inline bool looks_like_one(const uint8_t *bytes)
{
	return dns_answer_may_be(bytes) || dns_answer_may_be(bytes + 2); /* behind a length */
}

/* Apart, so that what is none of ours saves no registers for it. */
__attribute__((noinline)) static ssize_t look(int fd, void *bytes, ssize_t n,
	const struct sockaddr *from)
{
	if (!from || from->sa_family == AF_INET || from->sa_family == AF_INET6)
		answer_received(fd, bytes, (size_t)n, from != NULL);
	return n;
}

/*
 * Under MSG_TRUNC there may be more than there was room for, or nothing at all in the buffer.  Of a
 * stream's sender nothing is told: the kernel sets the length to 0.
 */
ssize_t hook_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
	socklen_t *len)
{
	socklen_t room = addr && len ? *len : 0;
	ssize_t n = real_get()->recvfrom(fd, buf, size, flags, addr, len);

	if (n < DNS_ANSWER_MIN || (flags & MSG_TRUNC))
		return n;
	if (room > 0 && *len > 0)
		return room < sizeof(struct sockaddr_in) || !is_port_53(addr)
			? n
			: look(fd, buf, n, addr);
	return looks_like_one(buf) ? look(fd, buf, n, NULL) : n;
}

/* A message that lies in several pieces is left as it is. */
ssize_t hook_recvmsg(int fd, struct msghdr *msg, int flags)
{
	socklen_t room = msg && msg->msg_name ? msg->msg_namelen : 0;
	ssize_t n = real_get()->recvmsg(fd, msg, flags);

	if (n < DNS_ANSWER_MIN || ((flags | msg->msg_flags) & MSG_TRUNC) ||
		(size_t)n > msg->msg_iov->iov_len)
		return n;
	if (room > 0 && msg->msg_namelen > 0)
		return room < sizeof(struct sockaddr_in) || !is_port_53(msg->msg_name)
			? n
			: look(fd, msg->msg_iov->iov_base, n, msg->msg_name);
	return looks_like_one(msg->msg_iov->iov_base) ? look(fd, msg->msg_iov->iov_base, n, NULL)
						      : n;
}
