/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unrelated KIND N: connects N times to what has nothing to do with a cluster.
 *
 * KIND is tcp4 or tcp6 (a loopback port that nobody listens on), udp4, or unix (a path that is not
 * there); one socket serves all.  `none` does everything but connect.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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
