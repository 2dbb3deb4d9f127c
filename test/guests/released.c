/* SPDX-License-Identifier: Apache-2.0 */
/*
 * released level|edge|poll|select|uring NAME PORT WRITER: what an event loop sees of connects that
 * wait for a writer.
 *
 * Each line on stdin, COUNT LIMIT-MS, is a round: so many non-blocking connects are begun at once,
 * "begun" is said, and the loop waits until the last has been judged as real programs do: what is
 * ready is asked for SO_ERROR, and written to.  EINPROGRESS is an answer for those that go on waiting then (libuv's
 * way), and a failure for the others.  Then, with the last of them:
 *
 *   connected N wrong N errors N again N hung N silent N refused N us N held MS errno E
 *
 * wrong: not at WRITER, who greets with its address; hung: ready with POLLERR or POLLHUP, and well
 * nonetheless; us: from the first that was ready to the last; held: how long all questions took.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096
#define GREETED_MS 20000
#define NOT_SERVED 77 /* the kernel has no such loop */

struct mode {
	const char *name;
	bool patient; /* goes on waiting at EINPROGRESS */
	void (*begin)(void);
	void (*add)(int i);
	void (*wait)(int ms); /* judges what is ready */
	void (*end)(void);
};

static struct {
	const struct mode *mode;
	int fds[MOST];
	bool open[MOST]; /* not judged yet */
	bool well[MOST];
	int n, left, loop;
	int connected, wrong, errors, again, hung, refused, error;
	struct timespec first, last;
	long held_us;
} my;

static struct {
	struct io_uring_params p;
	unsigned char *sq, *cq;
	struct io_uring_sqe *sqes;
} ring;

static long us_between(const struct timespec *a, const struct timespec *b)
{
	return (b->tv_sec - a->tv_sec) * 1000000 + (b->tv_nsec - a->tv_nsec) / 1000;
}

static int ask(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);
	struct timespec before;

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	clock_gettime(CLOCK_MONOTONIC, &my.last);
	my.held_us += us_between(&before, &my.last);
	return error;
}

static void judge(int i, bool hung)
{
	int error = ask(my.fds[i]);

	if (my.first.tv_sec == 0)
		my.first = my.last;
	if (error == EINPROGRESS || error == EALREADY) {
		my.again++;
		if (my.mode->patient)
			return;
	}
	if (error == 0 && write(my.fds[i], "x", 1) != 1)
		error = errno;
	my.open[i] = false;
	my.left--;
	my.well[i] = error == 0;
	if (error == 0) {
		my.connected++;
		my.hung += hung;
		return;
	}
	my.errors++;
	my.error = error;
}

static void none(void)
{
}

static void add_none(int i)
{
}

static void begin_epoll(void)
{
	my.loop = epoll_create1(EPOLL_CLOEXEC);
}

static void add_level(int i)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.u32 = (unsigned)i};

	epoll_ctl(my.loop, EPOLL_CTL_ADD, my.fds[i], &e);
}

static void add_edge(int i)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u32 = (unsigned)i};

	epoll_ctl(my.loop, EPOLL_CTL_ADD, my.fds[i], &e);
}

static void wait_epoll(int ms)
{
	struct epoll_event events[64];
	int n = epoll_wait(my.loop, events, 64, ms);

	for (int e = 0; e < n; e++) {
		int i = (int)events[e].data.u32;

		if (!my.open[i])
			continue;
		judge(i, events[e].events & (EPOLLERR | EPOLLHUP));
		if (!my.open[i])
			epoll_ctl(my.loop, EPOLL_CTL_DEL, my.fds[i], NULL);
	}
}

static void end_loop(void)
{
	close(my.loop);
}

static void wait_poll(int ms)
{
	static struct pollfd polled[MOST];

	for (int i = 0; i < my.n; i++)
		polled[i] = (struct pollfd){.fd = my.open[i] ? my.fds[i] : -1, .events = POLLOUT};
	if (poll(polled, (nfds_t)my.n, ms) <= 0)
		return;
	for (int i = 0; i < my.n; i++) {
		if (polled[i].revents)
			judge(i, polled[i].revents & (POLLERR | POLLHUP));
	}
}

static void wait_select(int ms)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	fd_set in, out;
	int top = 0;

	FD_ZERO(&in);
	FD_ZERO(&out);
	for (int i = 0; i < my.n; i++) {
		if (!my.open[i])
			continue;
		FD_SET(my.fds[i], &in);
		FD_SET(my.fds[i], &out);
		top = my.fds[i] > top ? my.fds[i] : top;
	}
	if (select(top + 1, &in, &out, NULL, &limit) <= 0)
		return;
	for (int i = 0; i < my.n; i++) {
		if (my.open[i] && (FD_ISSET(my.fds[i], &in) || FD_ISSET(my.fds[i], &out)))
			judge(i, false);
	}
}

static void *map_ring(size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, my.loop, offset);

	if (at == MAP_FAILED)
		exit(NOT_SERVED);
	return at;
}

static void begin_uring(void)
{
	memset(&ring.p, 0, sizeof(ring.p));
	my.loop = (int)syscall(SYS_io_uring_setup, MOST, &ring.p);
	if (my.loop < 0)
		exit(NOT_SERVED);
	ring.sq = map_ring(ring.p.sq_off.array + ring.p.sq_entries * sizeof(unsigned),
		IORING_OFF_SQ_RING);
	ring.cq = map_ring(ring.p.cq_off.cqes + ring.p.cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	ring.sqes = map_ring(ring.p.sq_entries * sizeof(*ring.sqes), IORING_OFF_SQES);
}

static void add_uring(int i)
{
	unsigned *tail = (unsigned *)(ring.sq + ring.p.sq_off.tail), t = *tail;
	unsigned at = t & (ring.p.sq_entries - 1);

	memset(&ring.sqes[at], 0, sizeof(ring.sqes[at]));
	ring.sqes[at].opcode = IORING_OP_POLL_ADD;
	ring.sqes[at].fd = my.fds[i];
	ring.sqes[at].poll32_events = POLLOUT;
	ring.sqes[at].user_data = (unsigned)i;
	((unsigned *)(ring.sq + ring.p.sq_off.array))[at] = at;
	__atomic_store_n(tail, t + 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, my.loop, 1, 0, 0, NULL, 0);
}

static void wait_uring(int ms)
{
	unsigned *head = (unsigned *)(ring.cq + ring.p.cq_off.head);
	unsigned *tail = (unsigned *)(ring.cq + ring.p.cq_off.tail);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(ring.cq + ring.p.cq_off.cqes);
	struct pollfd ready = {.fd = my.loop, .events = POLLIN};

	poll(&ready, 1, ms);
	while (*head != __atomic_load_n(tail, __ATOMIC_ACQUIRE)) {
		struct io_uring_cqe *c = &cqes[*head & (ring.p.cq_entries - 1)];
		int i = (int)c->user_data;

		if (my.open[i])
			judge(i, c->res & (POLLERR | POLLHUP));
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		if (my.open[i])
			add_uring(i);
	}
}

static const struct mode modes[] = {
	{"level", true, begin_epoll, add_level, wait_epoll, end_loop},
	{"edge", false, begin_epoll, add_edge, wait_epoll, end_loop},
	{"poll", false, none, add_none, wait_poll, none},
	{"select", false, none, add_none, wait_select, none},
	{"uring", true, begin_uring, add_uring, wait_uring, end_loop},
};

static void begin(const struct addrinfo *to, int n)
{
	my.n = my.left = my.connected = my.wrong = my.errors = my.again = my.hung = 0;
	my.refused = my.error = 0;
	my.held_us = 0;
	my.first.tv_sec = 0;
	my.mode->begin();
	for (int i = 0; i < n; i++) {
		int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno != EINPROGRESS) {
			my.error = errno;
			my.refused++;
			close(fd);
			continue;
		}
		my.fds[my.n] = fd;
		my.open[my.n] = true;
		my.well[my.n] = false;
		my.mode->add(my.n++);
		my.left++;
	}
}

/* Who greets. */
static void look_who(int fd, const char *writer)
{
	struct pollfd greeted = {.fd = fd, .events = POLLIN};
	char text[64] = "";
	ssize_t n = poll(&greeted, 1, GREETED_MS) == 1 ? read(fd, text, sizeof(text) - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	my.wrong += strcmp(text, writer) != 0;
}

static void finish(const char *writer)
{
	static const struct sockaddr none_left = {.sa_family = AF_UNSPEC};

	my.mode->end();
	for (int i = 0; i < my.n; i++) {
		if (my.well[i])
			look_who(my.fds[i], writer);
		(void)connect(my.fds[i], &none_left,
			sizeof(none_left)); /* nothing is left in TIME_WAIT */
		close(my.fds[i]);
	}
	printf("connected %d wrong %d errors %d again %d hung %d silent %d refused %d us %ld held %ld "
	       "errno %d\n",
		my.connected, my.wrong, my.errors, my.again, my.hung, my.left, my.refused,
		us_between(&my.first, &my.last), my.held_us / 1000, my.error);
	fflush(stdout);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *to;
	int n, limit_ms;

	for (unsigned m = 0; argc == 5 && m < sizeof(modes) / sizeof(modes[0]); m++) {
		if (strcmp(modes[m].name, argv[1]) == 0)
			my.mode = &modes[m];
	}
	if (!my.mode || getaddrinfo(argv[2], argv[3], &hints, &to) != 0)
		return 1;
	while (scanf("%d %d", &n, &limit_ms) == 2 && n > 0 && n <= MOST) {
		long until;

		begin(to, n);
		printf("begun\n");
		fflush(stdout);
		for (until = now_ms() + limit_ms; my.left > 0 && now_ms() < until;)
			my.mode->wait(100);
		finish(argv[4]);
	}
	return 0;
}
