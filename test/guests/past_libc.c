/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that looks a name up by libc and then dials as told:
 *
 *   past_libc NAME PORT libc|raw|uring
 *
 * "raw" calls the kernel itself, as Go and static runtimes do, "uring" by an io_uring.  It prints
 * the address and what came of it: "connected WORD", with the first word that the server says,
 * "errno NUMBER", or "silence" after 3 s.  Where the kernel has no io_uring for us: "no uring".
 */
#include <linux/io_uring.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT_MS 3000

static int poll_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, LIMIT_MS);
}

/* 0, an errno, or -1 for silence: of a connect() on a socket that does not block. */
static int outcome(int fd, long r)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (r == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll_for(fd, POLLOUT) == 0)
		return -1;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 ? errno : error;
}

static void *map_ring(int ring, size_t size, off_t what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
}

/* One request, one answer; 0, an errno, -1 for silence, -2 where there is no io_uring. */
static int dial_uring(int fd, const struct addrinfo *to)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 2, &p);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	if (ring < 0)
		return -2;
	sq = map_ring(ring, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = map_ring(ring, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), IORING_OFF_CQ_RING);
	sqe = map_ring(ring, p.sq_entries * sizeof(*sqe), IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED)
		return -2;
	*sqe = (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
		.fd = fd,
		.addr = (unsigned long)to->ai_addr,
		.off = to->ai_addrlen};
	((unsigned *)(void *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) < 0)
		return errno;
	if (poll_for(ring, POLLIN) == 0)
		return -1;
	cqe = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	return -cqe[0].res;
}

static int dial(const char *how, const struct addrinfo *to, int *ret_fd)
{
	int block = strcmp(how, "uring") == 0 ? 0 : SOCK_NONBLOCK;
	int fd = socket(to->ai_family, SOCK_STREAM | block, 0);

	*ret_fd = fd;
	if (strcmp(how, "uring") == 0)
		return dial_uring(fd, to);
	if (strcmp(how, "raw") == 0)
		return outcome(fd, syscall(SYS_connect, fd, to->ai_addr, to->ai_addrlen));
	return outcome(fd, connect(fd, to->ai_addr, to->ai_addrlen));
}

static void tell(int result, int fd)
{
	char word[64] = "";

	if (result == -2)
		printf("no uring\n");
	else if (result == -1)
		printf("silence\n");
	else if (result != 0)
		printf("errno %d\n", result);
	else if (poll_for(fd, POLLIN) > 0 && read(fd, word, sizeof(word) - 1) > 0)
		printf("connected %.*s\n", (int)strcspn(word, "\n"), word);
	else
		printf("connected\n");
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	char text[INET_ADDRSTRLEN] = "";
	int result, fd;

	if (argc < 4 || getaddrinfo(argv[1], argv[2], &hints, &list) != 0)
		return 2;
	(void)getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0,
		NI_NUMERICHOST);
	result = dial(argv[3], list, &fd);
	printf("%s ", text);
	tell(result, fd);
	freeaddrinfo(list);
	return 0;
}
