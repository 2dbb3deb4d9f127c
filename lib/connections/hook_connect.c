/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(), which glibc exports by a second name too, and the calls that can connect by the way
 * (MSG_FASTOPEN): a packet to a virtual address must never leave the host.
 */
#include "dial.h"
#include "observe.h"
#include "parked.h"
#include "base/real.h"

#include <stdint.h>

/* Under names of our own: glibc declares the address as a union, which no other libc does. */
#define EXPORT_AS(name) __asm__(name) __attribute__((visibility("default")))
int hook_connect(int fd, const struct sockaddr *addr, socklen_t len) EXPORT_AS("connect");
int hook_connect_too(int fd, const struct sockaddr *addr, socklen_t len) EXPORT_AS("__connect");
int hook_sendmmsg(int fd, struct mmsghdr *list, unsigned n, int flags) EXPORT_AS("sendmmsg");
ssize_t hook_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
	socklen_t len) EXPORT_AS("sendto");
ssize_t hook_sendmsg(int fd, const struct msghdr *msg, int flags) EXPORT_AS("sendmsg");

struct message {
	const void *buf;
	size_t n;
	const struct msghdr *msg;
	int flags;
};

static ssize_t run_connect(int fd, const struct sockaddr *addr, socklen_t len, const void *context)
{
	return real_get()->connect(fd, addr, len);
}

static ssize_t run_sendto(int fd, const struct sockaddr *addr, socklen_t len, const void *context)
{
	const struct message *m = context;

	return real_get()->sendto(fd, m->buf, m->n, m->flags, addr, len);
}

static ssize_t run_sendmsg(int fd, const struct sockaddr *addr, socklen_t len, const void *context)
{
	const struct message *m = context;
	struct msghdr msg = *m->msg;

	msg.msg_name = (void *)(uintptr_t)addr;
	msg.msg_namelen = len;
	return real_get()->sendmsg(fd, &msg, m->flags);
}

int hook_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static const struct dial_call call = {.run = run_connect, .repeatable = true};

	if (!dial_concerns(addr, len)) {
		if (addr && len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
			parked_let_go(fd);
		else if (observe_concerns())
			observe_connect(fd, addr, len);
		return real_get()->connect(fd, addr, len);
	}
	return (int)dial_run(fd, addr, len, &call);
}

int hook_connect_too(int fd, const struct sockaddr *addr, socklen_t len)
{
	return hook_connect(fd, addr, len);
}

ssize_t hook_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
	socklen_t len)
{
	const struct message m = {.buf = buf, .n = n, .flags = flags};
	const struct dial_call call = {.run = run_sendto, .context = &m};

	if (!(flags & MSG_FASTOPEN) || !dial_concerns(addr, len))
		return real_get()->sendto(fd, buf, n, flags, addr, len);
	return dial_run(fd, addr, len, &call);
}

ssize_t hook_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct message m = {.msg = msg, .flags = flags};
	const struct dial_call call = {.run = run_sendmsg, .context = &m};

	if (!(flags & MSG_FASTOPEN) || !msg || !dial_concerns(msg->msg_name, msg->msg_namelen))
		return real_get()->sendmsg(fd, msg, flags);
	return dial_run(fd, msg->msg_name, msg->msg_namelen, &call);
}

/* The first message alone, as it may: whoever sends several asks how many were sent. */
int hook_sendmmsg(int fd, struct mmsghdr *list, unsigned n, int flags)
{
	const struct msghdr *first = n > 0 && list ? &list->msg_hdr : NULL;
	ssize_t sent;

	if (!(flags & MSG_FASTOPEN) || !first ||
		!dial_concerns(first->msg_name, first->msg_namelen))
		return real_get()->sendmmsg(fd, list, n, flags);
	sent = hook_sendmsg(fd, first, flags);
	if (sent < 0)
		return -1;
	list->msg_len = (unsigned)sent;
	return 1;
}
