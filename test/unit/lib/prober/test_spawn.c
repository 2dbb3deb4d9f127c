/* SPDX-License-Identifier: Apache-2.0 */
/* When a prober is started: what is recorded of the last starts, whether the virtual block is free,
 * and whether one is dead. */
#include "known/control.h"
#include "prober/netcheck.h"
#include "prober/spawn.h"

#include "common/names.h"
#include "common/rundir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void starts_are_recorded_and_read(void **state)
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

static void starts_that_fail_come_ever_later(void **state)
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

static void lines_of_the_routing_table(void **state)
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

/* What stands at a control socket's place, and whether that proves a prober's death. */
static void only_a_socket_that_nobody_holds_is_deserted(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_are_recorded_and_read),
		cmocka_unit_test(starts_that_fail_come_ever_later),
		cmocka_unit_test(lines_of_the_routing_table),
		cmocka_unit_test(only_a_socket_that_nobody_holds_is_deserted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
