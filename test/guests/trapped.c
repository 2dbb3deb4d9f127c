/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program for the trap, by libc's thinnest calls: `trapped ADDRESS PORT WHAT [N [WORD...]]`.
 *
 *   greet            connects, and prints what it is greeted with
 *   storm N WORD...  N connects under a timer that fires all the time, how many ended how; words:
 *                    restart (SA_RESTART), nonblock, again (as long as it is EINTR)
 *   alarm N          one connect that a signal is to end N ms later: how, and when
 *   limit N          ... or its own SO_SNDTIMEO
 *   bad              connects a descriptor that is none: how that ends
 *   crowd N          N connects that do not block, awaited as Go does: how many came through
 *   filter           greets behind a seccomp filter of its own, which refuses getppid()
 *   listener         whether it may have one that tells of system calls
 *   forks N          so many children that connect, each for itself: how many could
 *   time N           what a connect() of a datagram socket takes, in ns: the least of ten rounds
 *   pair N           ... or 64 bytes that are sent and received
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
static struct sockaddr_in to4 = {.sin_family = AF_INET};
static int family = AF_INET;

static void hear(int signal)
{
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int dial(int fd)
{
	int r = family == AF_INET ? connect(fd, (struct sockaddr *)&to4, sizeof(to4))
				  : connect(fd, (struct sockaddr *)&to6, sizeof(to6));

	return r == 0 ? 0 : errno;
}

static void set_timer(bool restart, long first_us, long each_us)
{
	struct sigaction sa = {.sa_handler = hear, .sa_flags = restart ? SA_RESTART : 0};
	struct itimerval t = {.it_value.tv_usec = first_us, .it_interval.tv_usec = each_us};

	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setitimer(ITIMER_REAL, &t, NULL);
}

/* What a connect that does not block has come to. */
static int outcome(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int error = 0;

	while (poll(&p, 1, 30000) < 0 && errno == EINTR)
		;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	return error;
}

static int storm(int count, bool restart, bool nonblock, bool again)
{
	int good = 0, interrupted = 0, connected = 0, other = 0;

	set_timer(restart, 1000, 1000);
	for (int i = 0; i < count; i++) {
		int fd = socket(family, SOCK_STREAM | (nonblock ? SOCK_NONBLOCK : 0), 0),
		    r = dial(fd);

		while (again && r == EINTR)
			r = dial(fd);
		if (nonblock && r == EINPROGRESS)
			r = outcome(fd);
		good += r == 0;
		interrupted += r == EINTR;
		connected += r == EISCONN;
		if (r != 0 && r != EINTR && r != EISCONN && other++ == 0)
			fprintf(stderr, "%s\n", strerror(r));
		(void)close(fd);
	}
	printf("%d %d %d %d\n", good, interrupted, connected, other);
	return 0;
}

/* Ended by a signal, or by its own limit. */
static int end_late(long ms, bool by_limit)
{
	const struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	int fd = socket(family, SOCK_STREAM, 0), r;
	uint64_t begin = now_ns();

	if (by_limit)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	else
		set_timer(false, ms * 1000, 0);
	r = dial(fd);
	printf("%s %llu\n", strerror(r), (unsigned long long)((now_ns() - begin) / 1000000));
	return 0;
}

static int greet(void)
{
	char text[256];
	int fd = socket(family, SOCK_STREAM, 0), r = dial(fd);
	ssize_t n = r == 0 ? read(fd, text, sizeof(text)) : 0;

	if (r != 0)
		printf("%s\n", strerror(r));
	else
		printf("%.*s", (int)(n > 0 ? n : 0), text);
	(void)close(fd);
	return r != 0;
}

/* 0 or errno. */
static int set_filter(unsigned flags, unsigned what)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, what),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0 ? errno : 0;
}

static int greet_filtered(void)
{
	int r = set_filter(0, SECCOMP_RET_ERRNO | EPERM);

	if (r != 0 || syscall(SYS_getppid) != -1 || errno != EPERM) {
		printf("no filter: %s\n", strerror(r));
		return 1;
	}
	return greet();
}

static int listen_to_calls(void)
{
	printf("%s\n",
		strerror(set_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF)));
	return 0;
}

/*
 * Woken for nothing it has no error and no peer, and waits again.  1, or 0 if it failed; -1: not
 * yet.
 */
static int ask(int fd)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(int), n_peer = sizeof(peer);
	int error = 0;

	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error == EINPROGRESS || error == EALREADY)
		return -1;
	if (error != 0)
		fprintf(stderr, "%s\n", strerror(error));
	if (error != 0 || getpeername(fd, (struct sockaddr *)&peer, &n_peer) == 0)
		return error == 0;
	return -1;
}

static int crowd(int count)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	int ep = epoll_create1(0), good = 0, left = 0;

	for (int i = 0; i < count; i++) {
		int r;

		e.data.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		r = dial(e.data.fd);
		if (r != EINPROGRESS)
			fprintf(stderr, "not begun: %s\n", strerror(r));
		else if (epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e) == 0)
			left++;
	}
	printf("begun %d\n", left);
	(void)fflush(stdout);
	while (left > 0 && epoll_wait(ep, &e, 1, 30000) == 1) {
		int r = ask(e.data.fd);

		if (e.events == EPOLLERR) /* Go never reads from such a socket */
			fprintf(stderr, "an error and nothing else\n");
		if (r < 0)
			continue;
		(void)epoll_ctl(ep, EPOLL_CTL_DEL, e.data.fd, NULL);
		good += r;
		left--;
	}
	printf("%d\n", good);
	return 0;
}

static int forks(int count)
{
	int good = 0, status;

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(dial(socket(family, SOCK_STREAM, 0)) != 0);
		if (waitpid(pid, &status, 0) == pid && status == 0)
			good++;
	}
	printf("%d\n", good);
	return 0;
}

/* There and back again. */
static void pass(const int pair[2])
{
	char bytes[64] = "";

	if (send(pair[0], bytes, sizeof(bytes), 0) > 0)
		(void)!read(pair[1], bytes, sizeof(bytes));
}

static int take_time(int count, bool by_pair)
{
	uint64_t least = UINT64_MAX;
	int fd = socket(family, SOCK_DGRAM, 0), pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 1;

	for (int round = 0; round < 10; round++) {
		uint64_t begin = now_ns(), each;

		for (int i = 0; i < count; i++) {
			if (by_pair)
				pass(pair);
			else
				(void)dial(fd);
		}
		each = (now_ns() - begin) / (uint64_t)count;
		least = each < least ? each : least;
	}
	printf("%llu\n", (unsigned long long)least);
	return 0;
}

static bool has(char **words, const char *word)
{
	for (; *words; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	int n = argc > 4 ? atoi(argv[4]) : 1;

	if (argc < 4)
		return 2;
	if (inet_pton(AF_INET, argv[1], &to4.sin_addr) != 1)
		family = inet_pton(AF_INET6, argv[1], &to6.sin6_addr) == 1 ? AF_INET6 : 0;
	to4.sin_port = to6.sin6_port = htons((uint16_t)atoi(argv[2]));
	if (strcmp(argv[3], "storm") == 0)
		return storm(n, has(argv, "restart"), has(argv, "nonblock"), has(argv, "again"));
	if (strcmp(argv[3], "alarm") == 0 || strcmp(argv[3], "limit") == 0)
		return end_late(n, argv[3][0] == 'l');
	if (strcmp(argv[3], "crowd") == 0)
		return crowd(n);
	if (strcmp(argv[3], "bad") == 0)
		return printf("%s\n", strerror(dial(-1))) < 0;
	if (strcmp(argv[3], "forks") == 0)
		return forks(n);
	if (strcmp(argv[3], "filter") == 0)
		return greet_filtered();
	if (strcmp(argv[3], "listener") == 0)
		return listen_to_calls();
	if (strcmp(argv[3], "time") == 0 || strcmp(argv[3], "pair") == 0)
		return take_time(n, argv[3][0] == 'p');
	return greet();
}
