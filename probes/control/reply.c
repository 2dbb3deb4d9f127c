/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies: collected whole, then sent in as many packets as they need.  Each packet but the last
 * ends with the line "+more".
 */
#include "reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const char more[] = "\n+more";

void control_reply_init(struct control_reply *reply)
{
	*reply = (struct control_reply){0};
	control_reply_add(reply, "ok\n");
}

void control_reply_deinit(struct control_reply *reply)
{
	free(reply->data);
	*reply = (struct control_reply){0};
}

static bool reserve(struct control_reply *reply, size_t more_bytes)
{
	size_t size = reply->size ? reply->size : 256;
	char *data;

	while (size < reply->n + more_bytes)
		size *= 2;
	if (size == reply->size)
		return true;
	data = realloc(reply->data, size);
	if (!data)
		return false;
	reply->data = data;
	reply->size = size;
	return true;
}

static void add_args(struct control_reply *reply, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || !reserve(reply, (size_t)n + 1)) {
		reply->lost = true;
		return;
	}
	(void)vsnprintf(reply->data + reply->n, (size_t)n + 1, format, args);
	reply->n += (size_t)n;
}

void control_reply_add(struct control_reply *reply, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_args(reply, format, args);
	va_end(args);
}

void control_reply_error(struct control_reply *reply, const char *code, const char *format, ...)
{
	va_list args;

	reply->n = 0;
	control_reply_add(reply, "error %s ", code);
	va_start(args, format);
	add_args(reply, format, args);
	va_end(args);
	control_reply_add(reply, "\n");
}

void control_reply_wait(struct control_reply *reply)
{
	reply->wait = true;
}

int control_reply_send(struct control_reply *reply, int fd)
{
	if (reply->lost) {
		free(reply->data);
		*reply = (struct control_reply){.sent = reply->sent};
		return -ENOMEM;
	}
	while (reply->sent < reply->n) {
		size_t rest = reply->n - reply->sent;
		bool last = rest <= PEL_CONTROL_REPLY;
		struct iovec parts[] = {
			{reply->data + reply->sent, last ? rest : PEL_CONTROL_REPLY - strlen(more)},
			{(void *)more, strlen(more)},
		};
		struct msghdr packet = {.msg_iov = parts, .msg_iovlen = last ? 1 : 2};

		if (sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS)
				return 0;
			if (errno == EINTR)
				continue;
			/* Who did not wait for the answer may still have asked more. */
			return errno == EPIPE ? 1 : -errno;
		}
		reply->sent += parts[0].iov_len;
	}
	return 1;
}
