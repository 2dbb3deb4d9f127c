/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes with connections that are made anew whenever they are lost, by the protocol itself.
 *
 *   crowd HOST PORT PROCESSES SOCKETS poll|block [USER]
 *
 * poll: the sockets of a process are one event loop's, and do not block; block: each has a thread, in
 * which its connect() waits.  With USER, who has no password, each logs in.  Prints a line each time,
 * with the time in nanoseconds before it:
 *
 *   open            connected
 *   in              logged in
 *   lost            it had been one of these, and ended
 *   error ERRNO     it could not be connected, and is tried again in RETRY_MS
 *   told ERROR      the server let it in no further, and it is tried again then
 *
 * Ends when its input does.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 1024
#define RETRY_MS 20
#define CAPABILITIES (0x1u | 0x200u | 0x8000u | 0x80000u)

enum state { CLOSED = 0, DIALING, GREETING, ANSWER, IN };

struct one {
	int fd;
	enum state state;
	long retry_ns;
	size_t have;
	uint8_t packet[1024];
};

static struct one ones[SOCKETS_MAX];
static struct addrinfo *where;
static const char *user;
static int blocks;

static long now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void tell(const char *word, int number)
{
	char line[80];
	int n = number ? snprintf(line, sizeof(line), "%ld %s %d\n", now_ns(), word, number)
		       : snprintf(line, sizeof(line), "%ld %s\n", now_ns(), word);

	if (write(1, line, (size_t)n) < 0)
		exit(0);
}

static void leave(struct one *o, int later)
{
	close(o->fd);
	o->state = CLOSED;
	o->retry_ns = later ? now_ns() + RETRY_MS * 1000000L : 0;
}

static void opened(struct one *o)
{
	o->state = GREETING;
	o->have = 0;
	tell("open", 0);
}

static void failed(struct one *o, int error)
{
	tell("error", error);
	leave(o, 1);
}

static void dial(struct one *o)
{
	o->fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK),
		0);
	if (o->fd < 0)
		exit(3);
	if (connect(o->fd, where->ai_addr, where->ai_addrlen) == 0)
		opened(o);
	else if (errno == EINPROGRESS)
		o->state = DIALING;
	else
		failed(o, errno);
}

/* As event loops do: what is not over yet is waited for. */
static void dialed(struct one *o)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error == 0)
		opened(o);
	else if (error != EINPROGRESS)
		failed(o, error);
}

static void log_in(struct one *o)
{
	uint8_t all[256] = {[3] = 1,
		[4] = CAPABILITIES & 0xff,
		[5] = CAPABILITIES >> 8 & 0xff,
		[6] = CAPABILITIES >> 16 & 0xff,
		[11] = 1,
		[12] = 45};
	size_t n = 36;

	n += (size_t)snprintf((char *)all + n, 64, "%s", user) + 1;
	n++; /* no password */
	n += (size_t)snprintf((char *)all + n, 64, "mysql_native_password") + 1;
	all[0] = (uint8_t)(n - 4);
	if (send(o->fd, all, n, MSG_NOSIGNAL) == (ssize_t)n)
		o->state = ANSWER;
	o->have = 0;
}

static void heard(struct one *o)
{
	uint8_t first = o->packet[4];

	if (o->have < 7 || o->have < 4 + (o->packet[0] | (size_t)o->packet[1] << 8))
		return;
	if (first == 0xff) {
		tell("told", o->packet[5] | o->packet[6] << 8);
		leave(o, 1);
	} else if (o->state == GREETING) {
		log_in(o);
	} else {
		o->state = IN;
		o->have = 0;
		tell("in", 0);
	}
}

static void readable(struct one *o)
{
	ssize_t r = recv(o->fd, o->packet + o->have, sizeof(o->packet) - o->have, MSG_DONTWAIT);

	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0) {
		tell("lost", 0);
		leave(o, 0);
	} else if (o->state != IN && user) {
		o->have += (size_t)r;
		heard(o);
	}
}

/* The time until the next try, in ms; -1: none is due. */
static int dial_due(struct one *o, int n)
{
	long now = now_ns(), least = -1;

	for (int i = 0; i < n; i++) {
		if (o[i].state == CLOSED && o[i].retry_ns <= now)
			dial(&o[i]);
		if (o[i].state == CLOSED && (least < 0 || o[i].retry_ns - now < least))
			least = o[i].retry_ns < now ? 0 : o[i].retry_ns - now;
	}
	return least < 0 ? -1 : (int)(least / 1000000) + 1;
}

static void serve(struct one *o, int n)
{
	struct pollfd fds[SOCKETS_MAX + 1] = {{.fd = -1}};

	for (;;) {
		int timeout = dial_due(o, n);

		for (int i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = o[i].state == CLOSED ? -1 : o[i].fd,
				.events = o[i].state == DIALING ? POLLOUT : POLLIN};
		fds[n] = (struct pollfd){.fd = 0, .events = POLLIN};
		(void)poll(fds, (nfds_t)n + 1, timeout);
		if (fds[n].revents)
			exit(0);
		for (int i = 0; i < n; i++) {
			if (fds[i].revents && o[i].state == DIALING)
				dialed(&o[i]);
			else if (fds[i].revents)
				readable(&o[i]);
		}
	}
}

static void *serve_one(void *context)
{
	serve(context, 1);
	return NULL;
}

static void await_end(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};

	while (poll(&in, 1, -1) < 0)
		;
	exit(0);
}

static int run(char **argv, int n)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	pthread_t thread;

	if (getaddrinfo(argv[1], argv[2], &hints, &where) != 0)
		return 3;
	if (!blocks)
		serve(ones, n);
	for (int i = 0; i < n; i++) {
		if (pthread_create(&thread, NULL, serve_one, &ones[i]) != 0)
			return 3;
	}
	await_end();
	return 0;
}

int main(int argc, char **argv)
{
	int processes = argc > 5 ? atoi(argv[3]) : 0, n = argc > 5 ? atoi(argv[4]) : 0;

	if (processes < 1 || n < 1 || n > SOCKETS_MAX || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 2;
	blocks = strcmp(argv[5], "block") == 0;
	user = argc > 6 ? argv[6] : NULL;
	if (processes == 1)
		return run(argv, n);
	argv[3] = "1";
	for (int i = 0; i < processes; i++) {
		if (fork() == 0) {
			execv("/proc/self/exe", argv);
			_exit(3);
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
