/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that are tracked: their records, how one is closed, and which instances are reachable. */
#include "base/process.h"
#include "connections/sockets.h"
#include "connections/reachability.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_a_record_is_of_one_socket(void **state)
{
	int one = socket(AF_INET, SOCK_STREAM, 0), two;
	struct socket_record record = {.cookie = socket_cookie(one), .followed = 3}, read;

	assert_true(record.cookie != 0);
	assert_int_equal(sockets_record(one, &record), 0);
	assert_true(sockets_read(one, &read));
	assert_int_equal(read.followed, 3);
	close(one);
	two = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(two, one);
	assert_true(socket_cookie(two) != record.cookie);
	sockets_forget(two, socket_cookie(two));
	assert_true(sockets_read(two, &read));
	sockets_forget(two, record.cookie);
	assert_false(sockets_read(two, &read));
	assert_int_equal(sockets_record(SOCKETS_MAX, &record), -E2BIG);
	assert_int_equal(sockets_record(-1, &record), -E2BIG);
	assert_false(sockets_read(SOCKETS_MAX, &read));
	close(two);
	assert_int_equal(socket_cookie(two), 0);
	assert_int_equal(socket_cookie(STDIN_FILENO), 0);
}

static void test_a_record_is_replaced_by_who_knows_it(void **state)
{
	int one = socket(AF_INET, SOCK_STREAM, 0), two = dup(one);
	const struct socket_record first = {.cookie = socket_cookie(one), .made_ns = 5};
	struct socket_record read, next = first, late = first;

	assert_int_equal(sockets_record(one, &first), 0);
	next.held = SOCKET_PARKED;
	assert_true(sockets_replace(one, &first, &next));
	late.made_ns = 6;
	assert_false(sockets_replace(one, &first, &late));
	assert_true(sockets_read(one, &read));
	assert_int_equal(read.held, SOCKET_PARKED);
	assert_int_equal(sockets_home(one, first.cookie), one);
	assert_int_equal(sockets_home(two, first.cookie), one);
	sockets_forget(one, first.cookie);
	assert_int_equal(sockets_home(two, first.cookie), -1);
	close(one);
	close(two);
}

static void test_a_socket_that_went_elsewhere_is_not_severed(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(in);
	struct socket_record record = {.cookie = socket_cookie(one)};
	struct pel_addr peer;
	char byte;

	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &n), 0);
	assert_false(socket_peer(one, &peer));
	assert_int_equal(connect(one, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_true(socket_peer(one, &peer));
	assert_int_equal(peer.port, ntohs(in.sin_port));
	record.socket.real = peer;
	record.socket.real.port++;
	assert_int_equal(sockets_record(one, &record), 0);
	assert_int_equal(socket_sever(one, record.cookie), -ESTALE);
	assert_int_equal(recv(one, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	record.socket.real = peer;
	assert_int_equal(sockets_record(one, &record), 0);
	assert_int_equal(socket_sever(one, record.cookie), 0);
	assert_true(recv(one, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
	sockets_forget(one, record.cookie);
	close(one);
	close(listener);
}

static void test_a_file_at_a_sockets_number_keeps_its_locks(void **state)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int one = socket(AF_INET, SOCK_STREAM, 0), other;
	uint64_t cookie = socket_cookie(one);
	char path[] = "/tmp/pelorus-lock-XXXXXX";

	close(one);
	assert_int_equal(mkstemp(path), one);
	assert_int_equal(fcntl(one, F_SETLK, &lock), 0);
	assert_int_equal(socket_sever(one, cookie), -ESTALE);
	/* A lock of an open file description sees even those of its own process. */
	other = open(path, O_RDWR);
	assert_int_equal(fcntl(other, F_OFD_GETLK, &lock), 0);
	assert_int_equal(lock.l_type, F_WRLCK);
	close(other);
	close(one);
	unlink(path);
}

/* dup2() may put a file of the program's onto any number that is free. */
static void test_what_takes_a_borrowed_number_is_not_closed(void **state)
{
	int one = socket(AF_INET, SOCK_STREAM, 0), own, ends[2];
	uint64_t cookie = socket_cookie(one);

	own = socket_borrow(one, cookie);
	assert_true(own >= 0 && own != one);
	socket_give_back(one, own, cookie);
	assert_int_equal(fcntl(own, F_GETFD), -1);
	assert_int_equal(socket_borrow(one, cookie), own);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], own), own);
	socket_give_back(one, own, cookie);
	assert_int_not_equal(fcntl(own, F_GETFD), -1);
	for (int i = 0; i < 2; i++)
		close(ends[i]);
	close(own);
	close(one);
}

static void test_without_a_free_number_a_socket_is_severed_by_its_own(void **state)
{
	static const rlim_t most[] = {0, 3};
	struct rlimit before;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		struct rlimit now = {most[i], before.rlim_max};
		int ends[2];
		uint64_t cookie;
		char byte;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		cookie = socket_cookie(ends[0]);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
		assert_int_equal(socket_sever(ends[0], cookie), 0);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0);
		close(ends[0]);
		close(ends[1]);
	}
}

#define RACES 20000
static _Atomic bool racing;

static void *race_writer(void *unused)
{
	for (uint64_t i = 1; i <= RACES; i++) {
		struct socket_record record = {.cookie = i,
			.made_ns = i,
			.socket = {.uid = i, .identity = i}};

		(void)sockets_record(900, &record);
		if (i % 3 == 0)
			sockets_forget(900, i);
	}
	racing = false;
	return NULL;
}

static void test_a_record_is_never_read_half(void **state)
{
	struct socket_record record;
	pthread_t thread;

	racing = true;
	assert_int_equal(pthread_create(&thread, NULL, race_writer, NULL), 0);
	while (racing) {
		if (!sockets_read(900, &record))
			continue;
		assert_int_equal(record.cookie, record.made_ns);
		assert_int_equal(record.cookie, record.socket.uid);
		assert_int_equal(record.cookie, record.socket.identity);
	}
	pthread_join(thread, NULL);
}

static void test_the_proven_are_known(void **state)
{
	assert_false(reachability_is_proven(1));
	for (uint64_t i = 1; i <= 200; i++) {
		reachability_prove(i);
		assert_true(reachability_is_proven(i));
	}
	assert_false(reachability_is_proven(1));
	reachability_prove(0);
	assert_false(reachability_is_proven(0));
}

static int prepare(void **state)
{
	process_init();
	return process_check() == PROCESS_OURS ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_is_of_one_socket),
		cmocka_unit_test(test_a_record_is_replaced_by_who_knows_it),
		cmocka_unit_test(test_a_socket_that_went_elsewhere_is_not_severed),
		cmocka_unit_test(test_a_file_at_a_sockets_number_keeps_its_locks),
		cmocka_unit_test(test_what_takes_a_borrowed_number_is_not_closed),
		cmocka_unit_test(test_without_a_free_number_a_socket_is_severed_by_its_own),
		cmocka_unit_test(test_a_record_is_never_read_half),
		cmocka_unit_test(test_the_proven_are_known),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
