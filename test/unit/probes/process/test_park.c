/* SPDX-License-Identifier: Apache-2.0 */
/* Ports that never answer: silent for as long as they are there, refused afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "process/park.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 100

static int begin(bool v6, uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = in6addr_loopback};
	struct sockaddr_in in4 = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = v6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6))
		   : connect(fd, (struct sockaddr *)&in4, sizeof(in4));

	assert_int_equal(r, -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return has;
}

static int outcome(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = -1;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	return error;
}

static void nobody_is_answered(void **state)
{
	struct park park;
	struct pollfd all[MANY];

	park_open(&park);
	assert_int_not_equal(park.port4, 0);
	assert_int_equal(park.port6 != 0, has_ipv6());
	for (unsigned i = 0; i < MANY; i++) {
		bool v6 = i % 2 && park.port6;

		all[i].fd = begin(v6, v6 ? park.port6 : park.port4);
		all[i].events = POLLIN | POLLOUT;
	}
	assert_int_equal(poll(all, MANY, 300), 0);
	for (unsigned i = 0; i < MANY; i++)
		(void)close(all[i].fd);
	park_close(&park);
}

static void who_comes_when_it_is_gone_is_refused(void **state)
{
	struct park park;
	uint16_t port;
	int fd;

	park_open(&park);
	port = park.port4;
	park_close(&park);
	assert_int_equal(park.port4, 0);
	assert_int_equal(park.port6, 0);
	fd = begin(false, port);
	assert_int_equal(outcome(fd), ECONNREFUSED);
	(void)close(fd);
}

static void no_program_that_is_started_inherits_it(void **state)
{
	struct park park;

	park_open(&park);
	assert_true(park.n > 1);
	for (unsigned i = 0; i < park.n; i++)
		assert_true(fcntl(park.fds[i], F_GETFD) & FD_CLOEXEC);
	park_close(&park);
}

/* Whatever is missing in the middle of it, no port is told that might answer. */
static void without_descriptors_there_is_none(void **state)
{
	struct rlimit all, few;
	struct park park;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	for (rlim_t more = 0; more < 3; more++) {
		int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

		(void)close(next);
		few = (struct rlimit){.rlim_cur = (rlim_t)next + more, .rlim_max = all.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		park_open(&park);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
		assert_int_equal(park.port4, 0);
		assert_int_equal(park.n, 0);
		park_close(&park);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_answered),
		cmocka_unit_test(who_comes_when_it_is_gone_is_refused),
		cmocka_unit_test(no_program_that_is_started_inherits_it),
		cmocka_unit_test(without_descriptors_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
