/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unrelated KIND N: connects N times to what has nothing to do with a cluster.
 *
 * KIND is tcp4 or tcp6 (a loopback port that nobody listens on), udp4, or unix (a path that is not
 * there); one socket serves all.  `none` does everything but connect.
 *
 * Of recvfrom, recvfrom-stream and recvmsg it receives N times instead: a packet with its sender, a piece
 * of a stream without one, a packet with its sender.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void receive(const char *kind, int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[200];
	struct iovec piece = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr msg = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &piece,
		.msg_iovlen = 1};

	if (strcmp(kind, "recvfrom") == 0)
		(void)recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);
	else if (strcmp(kind, "recvmsg") == 0)
		(void)recvmsg(fd, &msg, 0);
	else
		(void)recvfrom(fd, text, sizeof(text), 0, NULL, NULL);
}

/* Two sockets that are connected to each other. */
static int make_pair(const char *kind, int ends[2])
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);

	if (strcmp(kind, "recvfrom-stream") == 0)
		return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
	ends[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(ends[0], (struct sockaddr *)&in, len) < 0 ||
		getsockname(ends[0], (struct sockaddr *)&in, &len) < 0)
		return -1;
	return connect(ends[1], (struct sockaddr *)&in, len);
}

static int receive_all(const char *kind, int n)
{
	static const char text[64] = "what a server might say";
	int ends[2];

	if (make_pair(kind, ends) < 0)
		return 3;
	for (int i = 0; i < n; i++) {
		if (send(ends[1], text, sizeof(text), 0) != (ssize_t)sizeof(text))
			return 4;
		receive(kind, ends[0]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(1),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	const struct sockaddr *to = (const void *)&in;
	socklen_t size = sizeof(in);
	int fd, type = SOCK_STREAM, n = argc == 3 ? atoi(argv[2]) : 0;

	if (n <= 0)
		return 2;
	if (strncmp(argv[1], "recv", 4) == 0)
		return receive_all(argv[1], n);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(argv[1], "udp4") == 0)
		type = SOCK_DGRAM;
	if (strcmp(argv[1], "tcp6") == 0)
		to = (const void *)&in6, size = sizeof(in6);
	if (strcmp(argv[1], "unix") == 0)
		to = (const void *)&un, size = sizeof(un);
	fd = socket(to->sa_family, type, 0);
	if (fd < 0)
		return 3;
	for (int i = 0; i < n; i++) {
		if (strcmp(argv[1], "none") != 0)
			(void)connect(fd, to, size);
	}
	return 0;
}
