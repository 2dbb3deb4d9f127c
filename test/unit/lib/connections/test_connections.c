/* SPDX-License-Identifier: Apache-2.0 */
/* The library's small parts: addresses, names, sockets, starts, notes, reachability. */
#include "known/address.h"
#include "known/block.h"
#include "known/followed.h"
#include "known/control.h"
#include "base/elf_note.h"
#include "prober/netcheck.h"
#include "base/process.h"
#include "prober/spawn.h"
#include "connections/sockets.h"
#include "connections/reachability.h"

#include "common/names.h"
#include "common/rundir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void test_addresses_go_both_ways(void **state)
{
	static const struct {
		const char *text;
		int family, as;     /* of the text, and of the result */
		const char *result; /* NULL: there is none */
	} rows[] = {
		{"10.0.0.1", AF_INET, AF_INET, "10.0.0.1"},
		{"10.0.0.1", AF_INET, AF_INET6, "::ffff:10.0.0.1"},
		{"::ffff:10.0.0.1", AF_INET6, AF_INET6, "::ffff:10.0.0.1"},
		{"::ffff:10.0.0.1", AF_INET6, AF_INET, "10.0.0.1"},
		{"fd00::1", AF_INET6, AF_INET6, "fd00::1"},
		{"fd00::1", AF_INET6, AF_INET, NULL},
		{"::1", AF_INET6, AF_INET6, "::1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(3306)};
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(3306)};
		bool is4 = rows[i].family == AF_INET;
		const struct sockaddr *from = is4 ? (const void *)&in : (const void *)&in6;
		struct sockaddr_storage to;
		struct pel_addr a;
		char text[64] = "";
		socklen_t n;

		assert_int_equal(inet_pton(rows[i].family, rows[i].text,
					 is4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr),
			1);
		assert_true(address_from_sockaddr(from, is4 ? sizeof(in) : sizeof(in6), &a));
		assert_int_equal(a.port, 3306);
		n = address_to_sockaddr(&a, rows[i].as, &to);
		assert_int_equal(n != 0, rows[i].result != NULL);
		if (n == 0)
			continue;
		if (rows[i].as == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *)&to)->sin_addr, text, 64);
		else
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&to)->sin6_addr, text, 64);
		assert_string_equal(text, rows[i].result);
	}
}

static void test_short_and_strange_addresses_are_none(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr un = {.sa_family = AF_UNIX};
	struct pel_addr a;

	assert_false(address_from_sockaddr((const struct sockaddr *)&in, 4, &a));
	assert_false(address_from_sockaddr((const struct sockaddr *)&in, 0, &a));
	assert_false(address_from_sockaddr(NULL, 16, &a));
	assert_false(address_from_sockaddr(&un, sizeof(un), &a));
}

static void test_a_name_is_found_by_name_and_by_both_addresses(void **state)
{
	const char *name = "w.cluster-abc.us-east-1.rds.amazonaws.com";
	uint64_t hash = pel_name_hash(name);
	struct pel_addr v4 = {.family = 4, .port = 77}, v6 = {.family = 6};
	struct followed *f, *again;

	assert_int_equal(followed_add(name, hash, PEL_ROLE_WRITER, &f), 0);
	assert_int_equal(followed_add(name, hash, PEL_ROLE_WRITER, &again), 0);
	assert_ptr_equal(f, again);
	assert_ptr_equal(followed_find_name(name, hash), f);
	for (int i = 0; i < 4; i++)
		v4.ip[i] = (uint8_t)(f->virtual4 >> (24 - 8 * i));
	memcpy(v6.ip, f->virtual6, 16);
	assert_ptr_equal(followed_find_addr(&v4), f);
	assert_ptr_equal(followed_find_addr(&v6), f);
	assert_true(block_has(&v4));
	assert_true(block_has(&v6));
	v4.ip[0] = 10;
	assert_false(block_has(&v4));
	assert_null(followed_find_addr(&v4));
}

static void test_a_second_name_at_the_same_address_is_refused(void **state)
{
	char text[64];
	struct followed *f;
	uint32_t seen[1200];
	unsigned n = 0;

	/* Two of so many names share one of 65,533 places, by the birthday paradox. */
	for (unsigned i = 0; i < 1200; i++) {
		uint64_t hash;

		snprintf(text, sizeof(text), "n%u.example.com", i);
		hash = pel_name_hash(text);
		seen[i] = pel_virtual4(hash, PEL_VNET4, PEL_VNET4_BITS);
		for (n = 0; n < i && seen[n] != seen[i]; n++)
			;
		if (n == i)
			continue;
		assert_int_equal(followed_add(text, hash, PEL_ROLE_WRITER, &f), 0);
		snprintf(text, sizeof(text), "n%u.example.com", n);
		assert_int_equal(followed_add(text, pel_name_hash(text), PEL_ROLE_WRITER, &f),
			-EEXIST);
		return;
	}
	fail_msg("no collision among 1200 names");
}

static void test_what_dns_said_is_kept_and_replaced(void **state)
{
	struct pel_addr addrs[PEL_MAP_ADDRS + 2] = {{.family = 4, .ip = {10, 0, 0, 1}}};
	struct followed_dns dns;
	struct followed *f;

	assert_int_equal(followed_add("dns.example.com", 4711, PEL_ROLE_WRITER, &f), 0);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, 0);
	followed_set_dns(f, addrs, 1, 5);
	followed_set_dns(f, addrs, 0, 6);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, 1);
	assert_int_equal(dns.seen_ns, 5);
	followed_set_dns(f, addrs, PEL_MAP_ADDRS + 2, 7);
	followed_get_dns(f, &dns);
	assert_int_equal(dns.n, PEL_MAP_ADDRS);
}

static void test_an_exclusion_ends(void **state)
{
	struct pel_hot hot = {.n_instances = 3,
		.instances = {{.identity = 11}, {.identity = 12}, {.identity = 13}}};
	struct followed *f;

	assert_int_equal(followed_add("ex.example.com", 4712, PEL_ROLE_WRITER, &f), 0);
	assert_int_equal(followed_excluded(f, &hot, 1), 0);
	followed_exclude(f, 12, 100);
	followed_exclude(f, 13, 50);
	assert_int_equal(followed_excluded(f, &hot, 1), 6);
	assert_int_equal(followed_excluded(f, &hot, 60), 2);
	assert_int_equal(followed_excluded(f, &hot, 100), 0);
	for (uint64_t i = 0; i < 2 * FOLLOWED_EXCLUDED; i++)
		followed_exclude(f, 100 + i, 1000 + i);
	followed_exclude(f, 11, 2000);
	assert_int_equal(followed_excluded(f, &hot, 1), 1);
}

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

static void test_starts_are_recorded_and_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t count, next_ns;
	} rows[] = {
		{"1 1000\n", 1, 1000},
		{"12 18446744073709\n", 12, UINT64_C(18446744073709)},
		{"", 0, 0},
		{"1", 0, 0},
		{"1 2", 0, 0},
		{"x 2\n", 0, 0},
		{"1 2 3\n", 0, 0},
		{"99999999999999999999 1\n", 0, 0},
		{"1 99999999999999999999999\n", 0, 0},
		{"-1 2\n", 0, 0},
	};
	char text[48];
	size_t length;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct spawn_record r = spawn_parse(rows[i].text);

		if (r.count != rows[i].count || r.next_ns != rows[i].next_ns)
			fail_msg("%s", rows[i].text);
	}
	length = spawn_print(&(struct spawn_record){999, UINT64_C(1) << 60}, text);
	assert_int_equal(length, strlen(text));
	assert_int_equal(spawn_parse(text).next_ns, UINT64_C(1) << 60);
}

static void test_starts_that_fail_come_ever_later(void **state)
{
	static const uint64_t pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
	struct spawn_record r = {0}, next;
	uint64_t now = 1000 * S;

	for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		assert_true(spawn_is_due(&r, 0, now, &next));
		assert_int_equal(next.count, i + 1);
		assert_int_equal(next.next_ns, now + pauses[i] * S);
		assert_false(spawn_is_due(&next, 0, now + pauses[i] * S - 1, &r));
		now = next.next_ns;
		r = next;
	}
	/* One that published a map since the last start has proven itself: it begins anew. */
	assert_true(spawn_is_due(&r, now - 59 * S, now - 30 * S, &next));
	assert_int_equal(next.count, 1);
	/* ... but not one that is to start after now: that map is of before a reboot. */
	assert_false(spawn_is_due(&next, now + S, now - 30 * S, &r));
	/* A time of before a reboot. */
	r.next_ns = 5000 * S;
	assert_true(spawn_is_due(&r, 0, 10 * S, &next));
}

static void test_lines_of_the_routing_table(void **state)
{
	static const char host[] = "           /32 host LOCAL";
	static const struct {
		const char *address, *what;
		bool taken;
	} rows[] = {
		{"        |-- 198.18.0.1", host, true},
		{"        |-- 198.18.0.0", "           /16 universe UNICAST", true},
		{"        |-- 198.18.0.0", "           /16 universe UNREACHABLE", false},
		{"        |-- 198.18.0.0", "           /16 universe BLACKHOLE", false},
		{"        |-- 198.18.0.0", "     |-- 198.19.0.1", false},
		{"        |-- 198.17.255.255", host, false},
		{"Main:", host, false},
		{"  +-- 0.0.0.0/0 3 0 5", host, false},
		{"  |-- 198.18", host, false},
		{"  |-- 198.18.0.256", host, false},
		{"  |-- 1198.18.0.1", host, false},
		{"", host, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool inside = false;

		assert_false(
			netcheck_line_takes(rows[i].address, PEL_VNET4, PEL_VNET4_BITS, &inside));
		if (netcheck_line_takes(rows[i].what, PEL_VNET4, PEL_VNET4_BITS, &inside) !=
			rows[i].taken)
			fail_msg("%s %s", rows[i].address, rows[i].what);
	}
}

static void test_gos_note_is_known(void **state)
{
	struct {
		uint32_t name, desc, type;
		char text[4];
		char id[8];
	} notes[2] = {{4, 8, 1, "GNU", "12345678"}, {4, 8, 4, "Go\0", "abcdefg"}};

	assert_true(elf_note_has_go(notes, sizeof(notes)));
	assert_false(elf_note_has_go(notes, sizeof(notes[0])));
	assert_false(elf_note_has_go(&notes[1], sizeof(notes[1]) - 1));
	notes[0].desc = UINT32_MAX;
	assert_false(elf_note_has_go(notes, sizeof(notes)));
	assert_false(elf_note_is_go());
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

/* What stands at a control socket's place, and whether that proves a prober's death. */
static void test_only_a_socket_that_nobody_holds_is_deserted(void **state)
{
	enum { NOTHING, FILE_THERE, LISTENS, IS_FULL, ENDED };
	static const struct {
		int there;
		bool deserted;
	} rows[] = {{NOTHING, false}, {FILE_THERE, true}, {LISTENS, false}, {IS_FULL, false},
		{ENDED, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char folder[] = "/tmp/pelorus-unit-XXXXXX";
		struct sockaddr_un sun = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), waiting = -1;

		assert_non_null(mkdtemp(folder));
		snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" PEL_RUN_CONTROL, folder);
		if (rows[i].there == FILE_THERE)
			(void)close(open(sun.sun_path, O_CREAT | O_WRONLY, 0600));
		if (rows[i].there >= LISTENS) {
			assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
			assert_int_equal(listen(fd, 0), 0);
		}
		if (rows[i].there == IS_FULL)
			assert_true((waiting = control_open(folder)) >= 0);
		if (rows[i].there == ENDED)
			(void)close(fd);
		assert_int_equal(control_is_deserted(folder), rows[i].deserted);
		(void)close(waiting);
		(void)close(fd);
		(void)unlink(sun.sun_path);
		assert_int_equal(rmdir(folder), 0);
	}
}

static int prepare(void **state)
{
	process_init();
	return process_check() == PROCESS_OURS ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_go_both_ways),
		cmocka_unit_test(test_short_and_strange_addresses_are_none),
		cmocka_unit_test(test_a_name_is_found_by_name_and_by_both_addresses),
		cmocka_unit_test(test_a_second_name_at_the_same_address_is_refused),
		cmocka_unit_test(test_what_dns_said_is_kept_and_replaced),
		cmocka_unit_test(test_an_exclusion_ends),
		cmocka_unit_test(test_a_record_is_of_one_socket),
		cmocka_unit_test(test_a_record_is_replaced_by_who_knows_it),
		cmocka_unit_test(test_a_socket_that_went_elsewhere_is_not_severed),
		cmocka_unit_test(test_a_file_at_a_sockets_number_keeps_its_locks),
		cmocka_unit_test(test_what_takes_a_borrowed_number_is_not_closed),
		cmocka_unit_test(test_without_a_free_number_a_socket_is_severed_by_its_own),
		cmocka_unit_test(test_a_record_is_never_read_half),
		cmocka_unit_test(test_starts_are_recorded_and_read),
		cmocka_unit_test(test_starts_that_fail_come_ever_later),
		cmocka_unit_test(test_lines_of_the_routing_table),
		cmocka_unit_test(test_gos_note_is_known),
		cmocka_unit_test(test_the_proven_are_known),
		cmocka_unit_test(test_only_a_socket_that_nobody_holds_is_deserted),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
