/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with SIZE bytes of thread-local data, which the C library takes from the stack of each
 * new thread: connects by name, prints the line that it is greeted with, and waits for the end of
 * the connection, 20 s at most.
 *
 *   big_tls NAME PORT
 */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 20000

static __thread char block[SIZE];

static int connect_by_name(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int fd;

	if (getaddrinfo(name, port, &hints, &list) != 0)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, list->ai_addr, list->ai_addrlen) < 0)
		fd = -1;
	freeaddrinfo(list);
	return fd;
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? connect_by_name(argv[1], argv[2]) : -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	memset(block, argc, sizeof(block));
	if (fd < 0 || read(fd, block, 64) <= 0)
		return 1;
	printf("%.*s\n", (int)strcspn(block, "\n"), block);
	fflush(stdout);
	printf("%s\n", poll(&p, 1, LIMIT_MS) > 0 ? "ended" : "open");
	return 0;
}
