/* SPDX-License-Identifier: Apache-2.0 */
/* One connect to a followed name after another, on sockets of this host, where nobody publishes. */
#include "connections/dial.h"
#include "connections/sockets.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"
#include "common/names.h"
#include "known/followed.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "db.example.com"

static struct followed *name;
static uint16_t port; /* listened on at 127.0.0.2, and nowhere else */
static int listener;
static pthread_t caller;
static _Atomic unsigned locks[2]; /* taken by the library's own thread, and by the program's */

int flock(int fd, int operation)
{
	atomic_fetch_add(&locks[pthread_equal(pthread_self(), caller) != 0], 1);
	return (int)syscall(SYS_flock, fd, operation);
}

static ssize_t run_connect(int fd, const struct sockaddr *addr, socklen_t len, const void *context)
{
	return connect(fd, addr, len);
}

static int dial(int fd)
{
	static const struct dial_call call = {.run = run_connect, .repeatable = true};
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(name->virtual4)}};

	return dial_run(fd, (struct sockaddr *)&in, sizeof(in), &call) == 0 ? 0 : errno;
}

static void lead_to(uint8_t host)
{
	const struct pel_addr addr = {.family = 4, .ip = {127, 0, 0, host}};

	followed_set_dns(name, &addr, 1, 1);
}

static int booked(int fd)
{
	struct socket_record record;

	return sockets_read(fd, &record) && record.cookie == socket_cookie(fd)
		? record.socket.real.ip[3]
		: 0;
}

static int refused(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	struct pollfd polled = {.fd = fd, .events = POLLOUT};

	lead_to(1);
	assert_int_equal(dial(fd), flags ? EINPROGRESS : ECONNREFUSED);
	assert_int_equal(booked(fd), 1);
	if (flags)
		assert_int_equal(poll(&polled, 1, 10000), 1);
	lead_to(2);
	return fd;
}

/* As IO::Socket of Perl does. */
static void a_connect_that_asks_how_it_went_is_told_and_no_new_one(void **state)
{
	int fd = refused(SOCK_NONBLOCK);

	assert_int_equal(dial(fd), ECONNREFUSED);
	assert_int_equal(booked(fd), 1);
	assert_int_equal(dial(fd), EINPROGRESS);
	assert_int_equal(booked(fd), 2);
	close(fd);
}

static void who_asked_otherwise_is_told_that_it_is_over(void **state)
{
	int fd = refused(SOCK_NONBLOCK), error = 0;
	socklen_t n = sizeof(error);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n), 0);
	assert_int_equal(error, ECONNREFUSED);
	assert_int_equal(dial(fd), ECONNABORTED);
	assert_int_equal(booked(fd), 1);
	assert_int_equal(dial(fd), EINPROGRESS);
	assert_int_equal(booked(fd), 2);
	close(fd);
}

static void a_connect_behind_one_that_failed_is_a_new_one(void **state)
{
	int fd = refused(0);

	assert_int_equal(dial(fd), 0);
	assert_int_equal(booked(fd), 2);
	close(fd);
}

static void a_connected_socket_stays_where_it_is(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	lead_to(2);
	assert_int_equal(dial(fd), 0);
	lead_to(1);
	assert_int_equal(dial(fd), EISCONN);
	assert_int_equal(booked(fd), 2);
	(void)shutdown(fd, SHUT_RDWR);
	assert_int_equal(dial(fd), EISCONN);
	assert_int_equal(booked(fd), 2);
	close(fd);
}

static void a_socket_that_was_taken_back_is_a_new_one(void **state)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	lead_to(2);
	assert_int_equal(dial(fd), 0);
	assert_int_equal(connect(fd, &none, sizeof(none)), 0);
	lead_to(1);
	assert_int_equal(dial(fd), ECONNREFUSED);
	assert_int_equal(booked(fd), 1);
	close(fd);
}

static int taker; /* the program puts it at the number of a socket that is refused */

static ssize_t run_taken(int fd, const struct sockaddr *addr, socklen_t len, const void *context)
{
	ssize_t r = connect(fd, addr, len);
	int error = errno;

	if (r < 0)
		(void)dup2(taker, fd);
	errno = error;
	return r;
}

/* Another thread has closed it, and its number is another socket's: that is not connected in its place. */
static void a_socket_that_is_gone_is_not_tried_again(void **state)
{
	static const struct dial_call call = {.run = run_taken, .repeatable = true};
	const struct pel_addr both[] = {{.family = 4, .ip = {127, 0, 0, 1}},
		{.family = 4, .ip = {127, 0, 0, 2}}};
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(name->virtual4)}};
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0), refusals = 0;

	taker = socket(AF_INET, SOCK_STREAM, 0);
	followed_set_dns(name, both, 2, 1);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in peer;

		n = sizeof(in);
		if (dial_run(fd, (struct sockaddr *)&in, n, &call) < 0) {
			refusals++;
			assert_int_equal(errno, ECONNREFUSED);
		}
		n = sizeof(peer);
		assert_int_equal(getpeername(taker, (struct sockaddr *)&peer, &n), -1);
		close(fd);
		fd = socket(AF_INET, SOCK_STREAM, 0);
	}
	assert_int_equal(refusals, 1); /* each of the two addresses has its turn */
	close(fd);
	close(taker);
}

/* Whoever starts one takes a lock first. */
static void a_daemon_that_is_missed_is_started_by_another_thread(void **state)
{
	char folder[] = "/tmp/pelorus-dial-XXXXXX", command[64];

	if (!futex_waits_for_two())
		skip(); /* nobody can be woken for it */
	assert_non_null(mkdtemp(folder));
	setenv("PELORUS_RUNTIME_DIR", folder, 1);
	setenv("PELORUS_PROBER", "/nonexistent", 1);
	env_init();
	lead_to(2);
	caller = pthread_self();
	for (int i = 0; i < 200 && atomic_load(&locks[0]) == 0; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		assert_int_equal(dial(fd), EINPROGRESS);
		(void)poll(NULL, 0, 50);
		close(fd);
	}
	assert_int_not_equal(atomic_load(&locks[0]), 0);
	assert_int_equal(atomic_load(&locks[1]), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	(void)!system(command); /* to which that thread may still write */
}

static int prepare(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000002)}};
	socklen_t n = sizeof(in);

	process_init();
	(void)process_check();
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, n), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &n), 0);
	port = ntohs(in.sin_port);
	return followed_add(NAME, pel_name_hash(NAME), PEL_ROLE_WRITER, &name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connect_that_asks_how_it_went_is_told_and_no_new_one),
		cmocka_unit_test(who_asked_otherwise_is_told_that_it_is_over),
		cmocka_unit_test(a_connect_behind_one_that_failed_is_a_new_one),
		cmocka_unit_test(a_connected_socket_stays_where_it_is),
		cmocka_unit_test(a_socket_that_was_taken_back_is_a_new_one),
		cmocka_unit_test(a_socket_that_is_gone_is_not_tried_again),
		cmocka_unit_test(a_daemon_that_is_missed_is_started_by_another_thread),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
