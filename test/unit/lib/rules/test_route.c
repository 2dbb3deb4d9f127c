/* SPDX-License-Identifier: Apache-2.0 */
/* Routing: topology and intent to instance, one row per rule; see topo.h for the topologies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rules/route.h"
#include "table.h"
#include "topo.h"

#define DRAWS 400
#define ANY4 ROUTE_FAMILY4
#define ANY6 ROUTE_FAMILY6
#define BOTH (ROUTE_FAMILY4 | ROUTE_FAMILY6)
#define I(n) (1u << (n))

struct row {
	const char *title;
	const char *topology;
	enum pel_role role;
	enum route_verdict verdict;
	enum route_reason reason;
	uint32_t chosen; /* INSTANCE: exactly these come up in DRAWS questions */
	uint32_t members, excluded;
	uint32_t max_lag_ms;
	uint16_t families; /* 0: IPv4 */
	uint8_t selector, fallback, state, name;
	bool stale, dns_only, forced_state;
	uint64_t later_ns, hold_ns;
};

#define WRITER PEL_ROLE_WRITER
#define READER PEL_ROLE_READER
#define CUSTOM PEL_ROLE_CUSTOM
#define LAG .max_lag_ms = 100

static const struct row rows[] = {
	/* the writer's name */
	{"a writer name leads to the writer", "W R R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(0)},
	{"the writer may stand anywhere in the table", "R R W", WRITER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(2)},
	{"a lone writer takes its own name", "W", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(0)},
	{"a suspect writer is still the writer", "Wp R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(0)},
	{"a stalled writer has no better", "Ws R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(0)},
	{"a writer is never held back by admission", "Wh R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(0)},
	{"a new writer takes its connections at once", "Wn R", WRITER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(0)},
	{"a lagged mark on the writer means nothing", "Wl R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(0), LAG},
	{"an unreachable writer is waited for", "Wu R R", WRITER, ROUTE_WAIT, ROUTE_WRITER_LOST},
	{"an unreachable writer is waited for 30 s at most", "Wu R", WRITER, ROUTE_DNS,
		ROUTE_WRITERLESS_LONG, .later_ns = SECONDS(31)},
	{"a writer that says reader is not taken", "Wr R", WRITER, ROUTE_WAIT,
		ROUTE_WRITER_RECANTS},
	{"a writer that says reader is waited for 30 s at most", "Wr R", WRITER, ROUTE_DNS,
		ROUTE_WRITERLESS_LONG, .later_ns = SECONDS(31)},
	{"readers alone: the writer's name goes where DNS leads", "R R", WRITER, ROUTE_DNS,
		ROUTE_NO_WRITER, .state = PEL_STATE_KNOWN, .forced_state = true},
	{"readers alone: they are the readers", "R R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(0) | I(1), .state = PEL_STATE_KNOWN, .forced_state = true},
	{"between two writers the answer is to wait", "R R", WRITER, ROUTE_WAIT,
		ROUTE_BETWEEN_WRITERS},
	{"a reader that says writer is not the writer yet", "R Rw", WRITER, ROUTE_WAIT,
		ROUTE_BETWEEN_WRITERS},
	{"after 29 s without a writer it is still to wait", "R R", WRITER, ROUTE_WAIT,
		ROUTE_BETWEEN_WRITERS, .later_ns = SECONDS(29)},
	{"after 30 s without a writer the topology is unknown", "R R", WRITER, ROUTE_DNS,
		ROUTE_WRITERLESS_LONG, .later_ns = SECONDS(31)},
	{"a cluster's own hold is shorter", "R R", WRITER, ROUTE_DNS, ROUTE_WRITERLESS_LONG,
		.later_ns = SECONDS(6), .hold_ns = SECONDS(5)},
	{"... or longer", "R R", WRITER, ROUTE_WAIT, ROUTE_BETWEEN_WRITERS, .later_ns = SECONDS(59),
		.hold_ns = SECONDS(60)},
	{"who does not hold connects waits for a lost writer as ever", "Wu R", WRITER, ROUTE_WAIT,
		ROUTE_WRITER_LOST, .later_ns = SECONDS(29), .hold_ns = 1},
	{"a writer that is not routable is left to DNS", "Wx R", WRITER, ROUTE_DNS,
		ROUTE_UNROUTABLE},
	{"a writer out of this process's reach is left to DNS", "W R", WRITER, ROUTE_DNS,
		ROUTE_EXCLUDED, .excluded = I(0)},
	{"an excluded reader does not matter to a writer name", "W R", WRITER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(0), .excluded = I(1)},
	{"a writer with IPv6 alone is not for an IPv4 socket", "W6 R", WRITER, ROUTE_DNS,
		ROUTE_NO_FAMILY},
	{"a writer with IPv6 alone is for an IPv6 socket", "W6 R", WRITER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(0), .families = ANY6},
	{"a writer with IPv4 alone is not for an IPv6-only socket", "W R", WRITER, ROUTE_DNS,
		ROUTE_NO_FAMILY, .families = ANY6},
	{"a dual socket reaches either family", "W6 R", WRITER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(0),
		.families = BOTH},
	{"a map behind on the clock is no later writerless", "R", WRITER, ROUTE_WAIT,
		ROUTE_BETWEEN_WRITERS, .later_ns = (uint64_t)-1000},

	/* no topology: every role goes where DNS leads */
	{"a stale map is no topology for a writer", "W R", WRITER, ROUTE_DNS, ROUTE_STALE,
		.stale = true},
	{"a stale map is no topology for a reader", "W R", READER, ROUTE_DNS, ROUTE_STALE,
		.stale = true},
	{"a stale map is no topology between writers either", "R R", WRITER, ROUTE_DNS, ROUTE_STALE,
		.stale = true},
	{"an unknown topology follows DNS for the writer", "? ?", WRITER, ROUTE_DNS, ROUTE_UNKNOWN,
		.state = PEL_STATE_UNKNOWN, .forced_state = true},
	{"an unknown topology follows DNS for a reader", "? R", READER, ROUTE_DNS, ROUTE_UNKNOWN,
		.state = PEL_STATE_UNKNOWN, .forced_state = true},
	{"an unknown topology follows DNS for a custom name", "? R", CUSTOM, ROUTE_DNS,
		ROUTE_UNKNOWN, .state = PEL_STATE_UNKNOWN, .forced_state = true, .members = I(1),
		.name = 2},
	{"a free record is no topology", "W", WRITER, ROUTE_DNS, ROUTE_UNKNOWN,
		.state = PEL_STATE_FREE, .forced_state = true},
	{"without credentials DNS alone decides", "W R", WRITER, ROUTE_DNS, ROUTE_DNS_ONLY,
		.dns_only = true},
	{"without credentials DNS alone decides for readers", "W R", READER, ROUTE_DNS,
		ROUTE_DNS_ONLY, .dns_only = true},
	{"an intent without a role follows DNS", "W R", PEL_ROLE_UNKNOWN, ROUTE_DNS,
		ROUTE_BAD_INTENT},

	/* readers' names: who takes part */
	{"a reader name leads to every reader, never the writer", "W R R R", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(1) | I(2) | I(3)},
	{"a lone reader takes all of its name", "W R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(1)},
	{"a suspect reader still takes part", "W Rp R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(1) | I(2)},
	{"an unreachable reader takes none", "W Ru R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(2)},
	{"a stalled reader takes none", "W Rs R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(2)},
	{"a reader not yet admitted takes none", "W Rn R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(2)},
	{"a warming reader takes none", "W Rm R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(2)},
	{"a held reader takes none", "W R Rh", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(1)},
	{"a reader never logged in to takes none", "W Rx R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(2)},
	{"a reader out of this process's reach takes none", "W R R", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(1), .excluded = I(2)},
	{"a reader of another family takes none", "W R6 R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(2)},
	{"an instance of unknown role takes none", "W ? R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(2)},
	{"a reader that says writer still takes readers", "W Rw", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(1)},
	{"readers are there between two writers", "R R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(0) | I(1)},
	{"readers follow DNS when there is no writer for long", "R R", READER, ROUTE_DNS,
		ROUTE_WRITERLESS_LONG, .later_ns = SECONDS(31)},

	/* readers' names: nobody takes part */
	{"without a reader the writer stands in", "W", READER, ROUTE_INSTANCE, ROUTE_NO_READER,
		I(0)},
	{"with every reader unreachable the writer stands in", "W Ru Ru", READER, ROUTE_INSTANCE,
		ROUTE_NO_READER, I(0)},
	{"with every reader stalled the writer stands in", "W Rs", READER, ROUTE_INSTANCE,
		ROUTE_NO_READER, I(0)},
	{"with every reader held the writer stands in", "W Rh Rn", READER, ROUTE_INSTANCE,
		ROUTE_NO_READER, I(0)},
	{"without reader and writer either is awaited", "?", READER, ROUTE_WAIT, ROUTE_NO_READER},
	{"an unreachable writer does not stand in", "Wu", READER, ROUTE_WAIT, ROUTE_NO_READER},
	{"a writer out of reach does not stand in", "W", READER, ROUTE_DNS, ROUTE_NO_READER,
		.excluded = I(0)},
	{"healthy readers that nobody can route to are left to DNS", "W Rx Rx", READER, ROUTE_DNS,
		ROUTE_UNROUTABLE},
	{"readers all out of this process's reach are left to DNS", "W R R", READER, ROUTE_DNS,
		ROUTE_EXCLUDED, .excluded = I(1) | I(2)},
	{"readers all of another family are left to DNS", "W R6 R6", READER, ROUTE_DNS,
		ROUTE_NO_FAMILY},

	/* lag */
	{"a lagged mark counts without max-lag too", "W Rl R", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(2)},
	{"a lagged reader takes none", "W Rl R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE, I(2), LAG},
	{"with all lagging the least lagged takes all", "W Rl Rl Rl", READER, ROUTE_INSTANCE,
		ROUTE_LAGGED_READER, I(1), LAG},
	{"the least lagged is one within reach", "W Rl Rl Rl", READER, ROUTE_INSTANCE,
		ROUTE_LAGGED_READER, I(2), LAG, .excluded = I(1)},
	{"with all lagging the writer stands in if so configured", "W Rl Rl", READER,
		ROUTE_INSTANCE, ROUTE_LAGGED_TO_WRITER, I(0), LAG, .fallback = PEL_FALLBACK_WRITER},
	{"no writer to stand in leaves the least lagged", "Rl Rl", READER, ROUTE_INSTANCE,
		ROUTE_LAGGED_READER, I(0), LAG, .fallback = PEL_FALLBACK_WRITER},
	{"with all lagging a reader is refused if so configured", "W Rl Rl", READER, ROUTE_REFUSE,
		ROUTE_ALL_LAGGED, 0, LAG, .fallback = PEL_FALLBACK_REFUSE},
	{"refusal is for lag, not for want of readers", "W Ru", READER, ROUTE_INSTANCE,
		ROUTE_NO_READER, I(0), LAG, .fallback = PEL_FALLBACK_REFUSE},
	{"a lagged one and an unreachable one mean all lag", "W Rl Ru", READER, ROUTE_INSTANCE,
		ROUTE_LAGGED_READER, I(1), LAG},

	/* selectors: who comes up at all */
	{"round robin reaches every reader", "W R R R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(1) | I(2) | I(3), .selector = PEL_SELECT_ROUND_ROBIN},
	{"round robin skips whom it must", "W R Ru R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(1) | I(3), .selector = PEL_SELECT_ROUND_ROBIN},
	{"by lag a clearly worse of two gets none", "W R R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(1), .selector = PEL_SELECT_LEAST_LAG},
	{"by lag all but the worst of four get some", "W R R R R", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(1) | I(2) | I(3), .selector = PEL_SELECT_LEAST_LAG},
	{"by round trip all but the worst get some", "W R R R", READER, ROUTE_INSTANCE,
		ROUTE_BY_ROLE, I(1) | I(2), .selector = PEL_SELECT_LEAST_RTT},
	{"by load all but the worst get some", "W R R R", READER, ROUTE_INSTANCE, ROUTE_BY_ROLE,
		I(1) | I(2), .selector = PEL_SELECT_LEAST_LOAD},

	/* custom endpoints */
	{"a custom name leads to its members alone", "W R R R", CUSTOM, ROUTE_INSTANCE,
		ROUTE_BY_MEMBERS, I(1) | I(3), I(1) | I(3), .name = 2},
	{"the writer may be a member", "W R R", CUSTOM, ROUTE_INSTANCE, ROUTE_BY_MEMBERS,
		I(0) | I(2), I(0) | I(2), .name = 2},
	{"a member of unknown role takes part", "W ? R", CUSTOM, ROUTE_INSTANCE, ROUTE_BY_MEMBERS,
		I(1), I(1), .name = 2},
	{"an unreachable member takes none", "W Ru R", CUSTOM, ROUTE_INSTANCE, ROUTE_BY_MEMBERS,
		I(2), I(1) | I(2), .name = 2},
	{"no other stands in for members", "W Ru R", CUSTOM, ROUTE_DNS, ROUTE_NO_MEMBER, 0, I(1),
		.name = 2},
	{"members that are not known yet are left to DNS", "W R", CUSTOM, ROUTE_DNS,
		ROUTE_NO_MEMBER, 0, 0, .name = 2},
	{"members beyond the table are none", "W R", CUSTOM, ROUTE_DNS, ROUTE_NO_MEMBER, 0, I(5),
		.name = 2},
	{"a member out of reach is left to DNS", "W R", CUSTOM, ROUTE_DNS, ROUTE_EXCLUDED, 0, I(1),
		.excluded = I(1), .name = 2},
	{"members go on between two writers", "R R", CUSTOM, ROUTE_INSTANCE, ROUTE_BY_MEMBERS, I(1),
		I(1), .name = 2},
	{"a lagged member yields to another", "W Rl R", CUSTOM, ROUTE_INSTANCE, ROUTE_BY_MEMBERS,
		I(2), I(1) | I(2), LAG, .name = 2},
	{"lagged members keep to themselves though the writer is free", "W Rl Rl", CUSTOM,
		ROUTE_INSTANCE, ROUTE_LAGGED_READER, I(1), I(1) | I(2), LAG,
		.fallback = PEL_FALLBACK_WRITER, .name = 2},
	{"a writer that is a member may stand in for the others", "Wl Rl", CUSTOM, ROUTE_INSTANCE,
		ROUTE_LAGGED_TO_WRITER, I(0), I(0) | I(1), LAG, .fallback = PEL_FALLBACK_WRITER,
		.name = 2},
	{"lagged members are refused if so configured", "W Rl", CUSTOM, ROUTE_REFUSE,
		ROUTE_ALL_LAGGED, 0, I(1), LAG, .fallback = PEL_FALLBACK_REFUSE, .name = 2},
	{"a custom name that is not in the record follows DNS", "W R", CUSTOM, ROUTE_DNS,
		ROUTE_BAD_INTENT, 0, I(1), .name = 9},
};

/* Instance i is worse than i - 1 by every measure. */
static struct pel_hot row_topology(const struct row *row)
{
	struct pel_hot hot = topo(row->topology);

	for (unsigned i = 0; i < hot.n_instances; i++) {
		hot.instances[i].lag_ms = 200 * i;
		hot.instances[i].rtt_us = 1000 + 2000 * i;
		hot.instances[i].cpu_permille = (uint16_t)(300 * i);
	}
	hot.max_lag_ms = row->max_lag_ms;
	hot.selector = row->selector;
	hot.fallback = row->fallback;
	hot.dns_only = row->dns_only;
	hot.names[2].members = row->members;
	if (row->forced_state)
		hot.state = row->state;
	hot.hold = row->hold_ns ? PEL_HOLD_OF(row->hold_ns) : hot.hold;
	return hot;
}

static void holds(void **state)
{
	const struct row *row = *state;
	const struct pel_hot hot = row_topology(row);
	_Atomic uint64_t random = 1;
	uint32_t chosen = 0;

	for (unsigned n = 0; n < DRAWS; n++) {
		struct route_intent intent = {.role = (uint8_t)row->role,
			.name = row->name,
			.fresh = !row->stale,
			.excluded = row->excluded,
			.turn = n,
			.families = row->families ? row->families : ANY4,
			.now_ns = TOPO_NOW + row->later_ns,
			.random = route_random_next(&random)};
		struct route got = route_choose(&hot, &intent);

		assert_int_equal(got.reason, row->reason);
		assert_int_equal(got.verdict, row->verdict);
		if (got.verdict == ROUTE_INSTANCE)
			chosen |= I(got.instance);
		else
			assert_int_equal(got.instance, PEL_NONE);
	}
	assert_int_equal(chosen, row->chosen);
}

static void unknown_is_what_follows_dns_for_every_role(void **state)
{
	struct pel_hot known = topo("W R"), long_without = topo("R R");

	(void)state;
	assert_false(route_is_unknown(&known, true, TOPO_NOW));
	assert_true(route_is_unknown(&known, false, TOPO_NOW));
	assert_false(route_is_unknown(&long_without, true, TOPO_NOW + SECONDS(30)));
	assert_true(route_is_unknown(&long_without, true, TOPO_NOW + SECONDS(30) + 1));
}

static void a_map_out_of_bounds_follows_dns(void **state)
{
	struct pel_hot hot = topo("W R");
	struct route_intent intent = {.role = WRITER,
		.fresh = true,
		.families = ANY4,
		.now_ns = TOPO_NOW};

	(void)state;
	hot.n_instances = PEL_MAP_INSTANCES + 1;
	assert_int_equal(route_choose(&hot, &intent).reason, ROUTE_BAD_INTENT);
	hot.n_instances = 1;
	hot.writer = 1;
	assert_int_equal(route_choose(&hot, &intent).verdict, ROUTE_WAIT);
}

static void what_is_observed_is_told_apart(void **state)
{
	static const struct pel_addr one = {.family = 4, .port = 3306, .ip = {10, 0, 0, 1}},
				     two = {.family = 4, .port = 3306, .ip = {10, 0, 0, 2}},
				     other = {.family = 4, .port = 3307, .ip = {10, 0, 0, 1}};
	static const struct {
		enum route_verdict verdict;
		enum pel_role role;
		const struct pel_addr *real;
		enum route_difference difference;
	} looks[] = {
		{ROUTE_INSTANCE, PEL_ROLE_WRITER, &one, ROUTE_SAME},
		{ROUTE_INSTANCE, PEL_ROLE_WRITER, &two, ROUTE_WRONG},
		{ROUTE_INSTANCE, PEL_ROLE_WRITER, &other, ROUTE_WRONG},
		{ROUTE_INSTANCE, PEL_ROLE_READER, &two, ROUTE_ELSEWHERE},
		{ROUTE_INSTANCE, PEL_ROLE_READER, &one, ROUTE_SAME},
		{ROUTE_INSTANCE, PEL_ROLE_CUSTOM, &two, ROUTE_ELSEWHERE},
		{ROUTE_WAIT, PEL_ROLE_WRITER, &one, ROUTE_HELD},
		{ROUTE_DNS, PEL_ROLE_WRITER, &two, ROUTE_SAME},
		{ROUTE_REFUSE, PEL_ROLE_READER, &two, ROUTE_SAME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		const struct route would = {.verdict = looks[i].verdict};

		assert_int_equal(route_difference(&would, (uint8_t)looks[i].role, &one,
					 looks[i].real),
			looks[i].difference);
	}
}

static void each_reason_has_its_word(void **state)
{
	(void)state;
	assert_string_equal(route_word(ROUTE_BY_ROLE), "by-role");
	assert_string_equal(route_word(ROUTE_ALL_LAGGED), "all-lagged");
	assert_string_equal(route_word(ROUTE_WRITER_LOST), "writer-lost");
	assert_string_equal(route_word(ROUTE_NO_WRITER), "no-writer");
	assert_string_equal(route_word(ROUTE_BAD_INTENT), "bad-intent");
	assert_string_equal(route_word(ROUTE_SWITCHED_OFF), "disabled");
}

static const struct {
	const char *topology;
	uint16_t cluster_port, name_port, instance_port, families, asked;
	uint8_t family; /* 0: no address */
	uint16_t port;
} addresses[] = {
	{"W", 3306, 0, 3306, ANY4, 3306, 4, 3306},
	{"W", 3306, 0, 3399, ANY4, 3306, 4, 3399},   /* the cluster's becomes the instance's */
	{"W", 3306, 0, 3399, ANY4, 33060, 4, 33060}, /* any other is kept */
	{"W", 3306, 0, 3399, ANY4, 3399, 4, 3399},
	{"W", 3306, 4000, 3399, ANY4, 4000, 4, 3399}, /* a name may have its own */
	{"W", 3306, 4000, 3399, ANY4, 3306, 4, 3306},
	{"W", 3306, 0, 0, ANY4, 3306, 4, 3306}, /* the instance's is not stated */
	{"W", 3306, 0, 3306, ANY6, 3306, 0, 0},
	{"W6", 3306, 0, 3306, ANY4, 3306, 0, 0},
	{"W6", 3306, 0, 3399, BOTH, 3306, 6, 3399},
	{"Wd", 3306, 0, 3306, BOTH, 3306, 4, 3306},
	{"Wd", 3306, 0, 3306, ANY6, 3306, 6, 3306},
};

static void an_address_has_the_family_and_port_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct pel_hot hot = topo(addresses[i].topology);
		struct pel_addr got = {0};

		hot.port = addresses[i].cluster_port;
		hot.names[0].port = addresses[i].name_port;
		hot.instances[0].port = addresses[i].instance_port;
		assert_int_equal(route_address(&hot, 0, 0, addresses[i].families,
					 addresses[i].asked, &got),
			addresses[i].family != 0);
		assert_int_equal(got.family, addresses[i].family);
		assert_int_equal(got.port, addresses[i].port);
		assert_int_equal(got.ip[got.family == 6 ? 15 : 3], got.family ? 1 : 0);
	}
}

static void an_address_beyond_the_table_is_none(void **state)
{
	struct pel_hot hot = topo("W");
	struct pel_addr got;

	(void)state;
	assert_false(route_address(&hot, 1, 0, ANY4, 3306, &got));
	assert_false(route_address(&hot, PEL_NONE, 0, ANY4, 3306, &got));
	assert_true(route_address(&hot, 0, PEL_NONE, ANY4, 3306, &got));
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(unknown_is_what_follows_dns_for_every_role),
		cmocka_unit_test(a_map_out_of_bounds_follows_dns),
		cmocka_unit_test(an_address_has_the_family_and_port_wanted),
		cmocka_unit_test(an_address_beyond_the_table_is_none),
		cmocka_unit_test(what_is_observed_is_told_apart),
		cmocka_unit_test(each_reason_has_its_word),
	};

	return table_run("route", TABLE_OF(rows, holds, others), NULL, NULL);
}
