/* SPDX-License-Identifier: Apache-2.0 */
/* Severing: which routed sockets end for what reason; see topo.h for the topologies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/tcp.h>

#include "rules/sever.h"
#include "table.h"
#include "topo.h"

#define ELSEWHERE 200 /* last byte of an address that is no member's */
#define WRITER PEL_ROLE_WRITER
#define READER PEL_ROLE_READER
#define CUSTOM PEL_ROLE_CUSTOM
#define NO_ROLE PEL_ROLE_UNKNOWN

struct row {
	const char *title;
	const char *topology;
	enum pel_role role;
	unsigned at; /* index of the instance that the socket is on, or ELSEWHERE */
	bool by_dns;
	enum sever_reason safe, all;
	uint8_t state;
	bool forced_state, stale, dns_only, other_uid, replaced;
	uint16_t port;
	uint64_t later_ns;
};

static const struct row rows[] = {
	/* the writer's sockets */
	{"readers alone: a writer's socket on a reader stays", "R R", WRITER, 0, true,
		SEVER_NOT_KNOWN, SEVER_NOT, .state = PEL_STATE_KNOWN, .forced_state = true},
	{"... but not on one that is unreachable", "Ru R", WRITER, 0, true, SEVER_UNREACHABLE,
		SEVER_UNREACHABLE, .state = PEL_STATE_KNOWN, .forced_state = true},
	{"a socket on the writer stays", "W R", WRITER, 0, false, SEVER_NOT, SEVER_NOT},
	{"a socket on the old writer ends when a new one is known", "R W", WRITER, 0, false,
		SEVER_SAYS_READER, SEVER_SAYS_READER},
	{"a socket on an old writer not yet heard of again ends", "? W", WRITER, 0, false,
		SEVER_NOT_WRITER, SEVER_NOT_WRITER},
	{"a socket on the old writer that still says writer ends", "Rw W", WRITER, 0, false,
		SEVER_NOT_WRITER, SEVER_NOT_WRITER},
	{"a socket on the old writer ends when no new one is known", "? R", WRITER, 0, false,
		SEVER_NOT_WRITER, SEVER_NOT_WRITER},
	{"a socket on what says reader ends at once", "Wr R", WRITER, 0, false, SEVER_SAYS_READER,
		SEVER_SAYS_READER},
	{"a socket on what says reader ends with no new one known", "R R", WRITER, 0, false,
		SEVER_SAYS_READER, SEVER_SAYS_READER},
	{"a socket on a promoted reader stays", "R W", WRITER, 1, false, SEVER_NOT, SEVER_NOT},
	{"a socket on a stalled writer stays", "Ws R", WRITER, 0, false, SEVER_NOT, SEVER_NOT},
	{"a socket on a suspect writer stays", "Wp R", WRITER, 0, false, SEVER_NOT, SEVER_NOT},
	{"a socket on an unreachable writer ends", "Wu R", WRITER, 0, false, SEVER_UNREACHABLE,
		SEVER_UNREACHABLE},
	{"a socket on a writer that left the cluster ends", "W R", WRITER, ELSEWHERE, false,
		SEVER_GONE, SEVER_GONE},
	{"a socket on a writer that left ends with no new one known", "R R", WRITER, ELSEWHERE,
		false, SEVER_GONE, SEVER_GONE},
	{"another port of the writer is the writer", "W R", WRITER, 0, false, SEVER_NOT, SEVER_NOT,
		.port = 33060},
	{"another port of the old writer is the old writer", "R W", WRITER, 0, false,
		SEVER_SAYS_READER, SEVER_SAYS_READER, .port = 33060},
	{"a socket over IPv6 on the old writer ends", "R6 W6", WRITER, 0, false, SEVER_SAYS_READER,
		SEVER_SAYS_READER},
	{"a socket over IPv6 on the writer stays", "R6 W6", WRITER, 1, false, SEVER_NOT, SEVER_NOT},

	/* made while the topology was unknown */
	{"DNS led to the writer: stays", "W R", WRITER, 0, true, SEVER_NOT, SEVER_NOT},
	{"DNS led to a reader: ends", "W Rw", WRITER, 1, true, SEVER_MADE_WRONG, SEVER_MADE_WRONG},
	{"DNS led to what says reader: ends", "W R", WRITER, 1, true, SEVER_SAYS_READER,
		SEVER_SAYS_READER},
	{"DNS led past every member (a tunnel): stays", "W R", WRITER, ELSEWHERE, true,
		SEVER_NOT_A_MEMBER, SEVER_NOT_A_MEMBER},
	{"DNS led a reader's socket to the writer: stays", "W R", READER, 0, true, SEVER_NOT,
		SEVER_PROMOTED},
	{"DNS led a reader's socket past every member: stays", "W R", READER, ELSEWHERE, true,
		SEVER_NOT, SEVER_NOT_A_MEMBER},

	/* the readers' sockets */
	{"a socket on a reader stays", "W R", READER, 1, false, SEVER_NOT, SEVER_NOT},
	{"a reader's socket on a promoted instance stays", "R W", READER, 1, false, SEVER_NOT,
		SEVER_PROMOTED},
	{"a reader's socket on the only instance stays", "W", READER, 0, false, SEVER_NOT,
		SEVER_NOT},
	{"a reader's socket between two writers stays", "R R", READER, 0, false, SEVER_NOT,
		SEVER_NOT},
	{"a reader's socket on an unreachable instance ends", "W Ru", READER, 1, false,
		SEVER_UNREACHABLE, SEVER_UNREACHABLE},
	{"a reader's socket on a stalled instance stays", "W Rs", READER, 1, false, SEVER_NOT,
		SEVER_NOT},
	{"a reader's socket on a held instance stays", "W Rh", READER, 1, false, SEVER_NOT,
		SEVER_NOT},
	{"a reader's socket on a lagged instance stays", "W Rl", READER, 1, false, SEVER_NOT,
		SEVER_NOT},
	{"a reader's socket on an instance that left stays", "W R", READER, ELSEWHERE, false,
		SEVER_NOT, SEVER_GONE},
	{"a reader's socket on an address taken over stays", "W R", READER, 1, false, SEVER_NOT,
		SEVER_REPLACED, .replaced = true},
	{"a custom name's socket on a promoted instance stays", "R W", CUSTOM, 1, false, SEVER_NOT,
		SEVER_NOT},
	{"a custom name's socket on an unreachable instance ends", "W Ru", CUSTOM, 1, false,
		SEVER_UNREACHABLE, SEVER_UNREACHABLE},

	/* more than one name leads here: health alone */
	{"a socket of no one role on the old writer stays", "R W", NO_ROLE, 0, false, SEVER_NOT,
		SEVER_NOT},
	{"a socket of no one role on an unreachable instance ends", "W Ru", NO_ROLE, 1, false,
		SEVER_UNREACHABLE, SEVER_UNREACHABLE},
	{"a socket of no one role where no member is stays", "W R", NO_ROLE, ELSEWHERE, false,
		SEVER_NOT, SEVER_GONE},

	/* a topology that may not judge */
	{"a stale map ends nothing", "R W", WRITER, 0, false, SEVER_NOT_KNOWN, SEVER_NOT_KNOWN,
		.stale = true},
	{"a stale map's unreachable ends nothing", "Wu R", WRITER, 0, false, SEVER_NOT_KNOWN,
		SEVER_NOT_KNOWN, .stale = true},
	{"an unknown topology ends nothing", "R R", WRITER, 0, false, SEVER_NOT_KNOWN,
		SEVER_NOT_KNOWN, .state = PEL_STATE_UNKNOWN, .forced_state = true},
	{"an unknown topology's unreachable ends all the same", "?u R", WRITER, 0, false,
		SEVER_UNREACHABLE, SEVER_UNREACHABLE, .state = PEL_STATE_UNKNOWN,
		.forced_state = true},
	{"after 30 s without a writer nothing ends for its role", "R R", WRITER, 0, true,
		SEVER_NOT_KNOWN, SEVER_NOT_KNOWN, .later_ns = SECONDS(31)},
	{"after 30 s without a writer an unreachable one ends all the same", "Ru R", WRITER, 0,
		true, SEVER_UNREACHABLE, SEVER_UNREACHABLE, .later_ns = SECONDS(31)},
	{"another cluster's record ends nothing", "R W", WRITER, 0, false, SEVER_NOT_OURS,
		SEVER_NOT_OURS, .other_uid = true},

	/* without credentials; the name's addresses are those of instances 0 and 1 (see row_topology) */
	{"DNS alone: a writer's socket where the name leads stays", "? ? ?", WRITER, 1, true,
		SEVER_NOT, SEVER_NOT, .dns_only = true, .forced_state = true,
		.state = PEL_STATE_UNKNOWN},
	{"DNS alone: a writer's socket where the name led ends", "? ? ?", WRITER, 2, true,
		SEVER_DNS_MOVED, SEVER_DNS_MOVED, .dns_only = true, .forced_state = true,
		.state = PEL_STATE_UNKNOWN},
	{"DNS alone: another port where the name leads stays", "? ? ?", WRITER, 1, true, SEVER_NOT,
		SEVER_NOT, .dns_only = true, .forced_state = true, .state = PEL_STATE_UNKNOWN,
		.port = 33060},
	{"DNS alone: a reader's socket is never ended", "? ? ?", READER, 2, true, SEVER_NOT_KNOWN,
		SEVER_NOT_KNOWN, .dns_only = true, .forced_state = true,
		.state = PEL_STATE_UNKNOWN},
	{"DNS alone: a socket of no one role is never ended", "? ? ?", NO_ROLE, 2, true,
		SEVER_NOT_KNOWN, SEVER_NOT_KNOWN, .dns_only = true, .forced_state = true,
		.state = PEL_STATE_UNKNOWN},
	{"DNS alone: a stale map ends nothing", "? ? ?", WRITER, 2, true, SEVER_NOT_KNOWN,
		SEVER_NOT_KNOWN, .dns_only = true, .forced_state = true, .state = PEL_STATE_UNKNOWN,
		.stale = true},
};

static struct pel_addr address_of(const struct pel_hot *hot, unsigned i)
{
	struct pel_addr a = {.family = 4, .port = 3306, .ip = {10, 0, 0, (uint8_t)(i + 1)}};

	if (i < hot->n_instances && !(hot->instances[i].flags & PEL_INST_HAS4)) {
		a.family = 6;
		memcpy(a.ip, hot->instances[i].ip6, sizeof(a.ip));
	}
	return a;
}

static struct pel_hot row_topology(const struct row *row)
{
	struct pel_hot hot = topo(row->topology);

	if (row->forced_state)
		hot.state = row->state;
	hot.dns_only = row->dns_only;
	for (unsigned n = 0; row->dns_only && n < 3; n++) {
		hot.names[n].n_addrs = 2;
		hot.names[n].addrs[0] = address_of(&hot, 0);
		hot.names[n].addrs[1] = address_of(&hot, 1);
	}
	return hot;
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct pel_hot hot = row_topology(row);
	struct sever_socket s = {.uid = row->other_uid ? TOPO_UID + 1 : TOPO_UID,
		.role = (uint8_t)row->role,
		.real = address_of(&hot, row->at)};
	uint64_t now_ns = TOPO_NOW + row->later_ns;

	s.identity = row->by_dns ? 0 : 100u + row->at;
	if (row->replaced)
		hot.instances[row->at].identity = 999;
	if (row->port)
		s.real.port = row->port;
	assert_int_equal(sever_decide(&hot, &s, SEVER_SAFE, !row->stale, now_ns), row->safe);
	assert_int_equal(sever_decide(&hot, &s, SEVER_ALL, !row->stale, now_ns), row->all);
	assert_int_equal(sever_decide(&hot, &s, SEVER_OFF, !row->stale, now_ns),
		SEVER_NOT_SWITCHED);
}

static void two_instances_on_one_host_are_told_apart_by_port(void **state)
{
	struct pel_hot hot = topo("W R");
	struct pel_addr a = address_of(&hot, 0);

	(void)state;
	memcpy(hot.instances[1].ip4, hot.instances[0].ip4, 4);
	hot.instances[1].port = 3307;
	assert_int_equal(sever_find_instance(&hot, &a), 0);
	a.port = 3307;
	assert_int_equal(sever_find_instance(&hot, &a), 1);
	a.port = 33060;
	assert_int_equal(sever_find_instance(&hot, &a), PEL_NONE);
}

static void an_address_without_family_is_nobodys(void **state)
{
	struct pel_hot hot = topo("W R");
	struct pel_addr a = {0};

	(void)state;
	memset(hot.instances[0].ip4, 0, 4);
	assert_int_equal(sever_find_instance(&hot, &a), PEL_NONE);
}

static void a_record_that_is_not_in_use_judges_nothing(void **state)
{
	struct pel_hot hot = topo("Wu R");
	struct sever_socket s = {.role = WRITER, .real = address_of(&hot, 0)};

	(void)state;
	hot.uid = 0;
	assert_int_equal(sever_decide(&hot, &s, SEVER_SAFE, true, TOPO_NOW), SEVER_NOT_OURS);
}

static void dns_alone_never_ends_for_want_of_an_address(void **state)
{
	struct pel_hot hot = topo("?");
	struct sever_socket s = {.uid = TOPO_UID, .role = WRITER, .real = address_of(&hot, 9)};

	(void)state;
	hot.state = PEL_STATE_UNKNOWN;
	hot.dns_only = 1;
	assert_int_equal(sever_decide(&hot, &s, SEVER_SAFE, true, TOPO_NOW), SEVER_NOT_KNOWN);
	hot.names[0].n_addrs = PEL_MAP_ADDRS + 1;
	assert_int_equal(sever_decide(&hot, &s, SEVER_SAFE, true, TOPO_NOW), SEVER_NOT_KNOWN);
	s.name = PEL_MAP_NAMES;
	assert_int_equal(sever_decide(&hot, &s, SEVER_SAFE, true, TOPO_NOW), SEVER_NOT_KNOWN);
}

static void who_had_the_last_word_is_told_by_all_three_times(void **state)
{
	(void)state;
	assert_true(sever_is_answered(1004, 1000, 1000));
	assert_false(sever_is_answered(1000, 1004, 960));
	/* Within one step of the clock. */
	assert_true(sever_is_answered(1000, 1000, 1000));
	assert_true(sever_is_answered(1000, 1000, 1004));
	assert_false(sever_is_answered(1000, 1000, 960));
}

static void idle_is_what_has_nothing_under_way(void **state)
{
	const struct tcp_info idle = {.tcpi_state = TCP_ESTABLISHED,
		.tcpi_last_data_sent = 1001,
		.tcpi_last_data_recv = 1000,
		.tcpi_last_ack_recv = 1000};
	struct tcp_info info = idle;

	(void)state;
	assert_true(sever_is_idle(&info));
	info.tcpi_state = TCP_CLOSE_WAIT;
	assert_false(sever_is_idle(&info));
	info = idle;
	info.tcpi_unacked = 1;
	assert_false(sever_is_idle(&info));
	info = idle;
	info.tcpi_last_data_recv = 999;
	assert_false(sever_is_idle(&info));
	info = idle;
	info.tcpi_last_data_sent = 999;
	assert_false(sever_is_idle(&info));
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(idle_is_what_has_nothing_under_way),
		cmocka_unit_test(two_instances_on_one_host_are_told_apart_by_port),
		cmocka_unit_test(an_address_without_family_is_nobodys),
		cmocka_unit_test(a_record_that_is_not_in_use_judges_nothing),
		cmocka_unit_test(dns_alone_never_ends_for_want_of_an_address),
		cmocka_unit_test(who_had_the_last_word_is_told_by_all_three_times),
	};

	return table_run("sever", TABLE_OF(rows, holds, others), NULL, NULL);
}
