/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between supervisor and worker over a pair of sockets. */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PATIENCE_S 5 /* with a worker that was stopped and does not read */

int channel_new(int ret_ends[static 2])
{
	const struct timeval limit = {.tv_sec = PATIENCE_S};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) < 0)
		return -errno;
	(void)setsockopt(ret_ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return 0;
}

int channel_hasten(int fd)
{
	return fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? -errno : 0;
}

int channel_send(int fd, const char *message, size_t size)
{
	ssize_t n;

	do {
		n = send(fd, message, size, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int channel_say(int fd, const char *word)
{
	return channel_send(fd, word, strlen(word));
}

ssize_t channel_receive(int fd, char ret[static PEL_CONTROL_MAX + 1])
{
	ssize_t n;

	do {
		n = recv(fd, ret, PEL_CONTROL_MAX, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	ret[n] = '\0';
	return n;
}
