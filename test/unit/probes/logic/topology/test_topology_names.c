/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a cluster: DNS alone, custom endpoints, and what the map shows of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "table.h"
#include "topology_script.h"

#include "common/names.h"

#include <errno.h>

struct row {
	const char *title;
	const char *script;
	unsigned name;     /* whose addresses are looked at: 0 writer, 1 reader, 2 custom */
	const char *addrs; /* last bytes, in order */
	unsigned members;  /* custom: bit i for instance i */
	unsigned severs;   /* how often the generation moved since the start or `up` */
};

static const struct row rows[] = {
	/* DNS alone: writer names */
	{"the first answer is published", "names why:nocred w:1", 0, "1", 0, 0},
	{"the next answer is followed by new connections at once", "names why:nocred w:1 w:2", 0,
		"2 1", 0, 0},
	{"three answers that agree sever, after two TTLs without the old one",
		"names why:nocred w/100:1 w/100:2 +300 w/100:2 +300 w/100:2", 0, "2", 0, 1},
	{"... not after two answers", "names why:nocred w/100:1 w/100:2 +300 w/100:2 +299", 0,
		"2 1", 0, 0},
	{"... not if they came too fast",
		"names why:nocred w/100:1 w/100:2 +100 w/100:2 +100 w/100:2", 0, "2 1", 0, 0},
	{"... not before two TTLs have passed",
		"names why:nocred w:1 w:2 +300 w:2 +300 w:2 +300 w:2 +8000 w:2", 0, "2 1", 0, 0},
	{"... and then by the clock alone",
		"names why:nocred w:1 w:2 +300 w:2 +300 w:2 +300 w:2 +9200", 0, "2", 0, 1},
	{"an old address that comes back begins the count anew",
		"names why:nocred w/100:1 w/100:2 +300 w/100:2 +300 w/100:1 +300 w/100:2 +300 "
		"w/100:2 +200",
		0, "2 1", 0, 0},
	{"flickering DNS never severs",
		"names why:nocred w/100:1 w/100:2 +400 w/100:1 +400 w/100:2 +400 w/100:1 +400 "
		"w/100:2",
		0, "2 1", 0, 0},
	{"an old address that refuses clients is left at the first other answer",
		"names why:nocred w:1 refused w:2", 0, "2", 0, 1},
	{"a refusal without another answer severs nothing", "names why:nocred w:1 refused w:1", 0,
		"1", 0, 0},
	{"a refusal of long ago counts no more", "names why:nocred w:1 refused +30001 w:2", 0,
		"2 1", 0, 0},
	{"a refusal is nobody's while the name leads to two",
		"names why:nocred w:1 w:2 refused w:2", 0, "2 1", 0, 0},
	{"... be it in one answer", "names why:nocred w:1,2 refused w:3", 0, "3 1", 0, 0},
	{"with credentials a refusal says nothing", "up3 w:1 refused w/100:9 +300 w/100:9", 0,
		"9 1", 0, 0},
	{"no answer changes nothing", "names why:nocred w:1 w:", 0, "1", 0, 0},
	{"an answer of several addresses agrees with itself in any order",
		"names why:nocred w/100:1 w/100:2,3 +300 w/100:3,2 +300 w/100:2,3", 0, "2 3", 0, 1},
	{"with credentials DNS severs nothing",
		"up3 w/100:9 +300 w/100:9 +300 w/100:9 +300 w/100:9", 0, "9", 0, 0},

	/* reader names */
	{"a reader name is the set of what was seen", "names why:nocred q:2 q:3 q:4", 1, "4 3 2", 0,
		0},
	{"... within a minute", "names why:nocred q:2 +30000 q:3 +30001", 1, "3", 0, 0},
	{"... and the latest answer stays however old", "names why:nocred q:2 +90000", 1, "2", 0,
		0},
	{"... and never more than fit", "names why:nocred q:1 q:2 q:3 q:4 q:5 q:6 q:7 q:8 q:9", 1,
		"9 8 7 6 5 4 3 2", 0, 0},
	{"a reader name never severs", "names why:nocred q:2 +400 q:3 +400 q:3 +400 q:3 +61000", 1,
		"3", 0, 0},

	/* custom names */
	{"a custom name's members are those whose addresses were seen", "up3 c:2 c:3", 2, "3 2", 6,
		0},
	{"... within a minute", "up3 c:2 +61000 c:3", 2, "3", 4, 0},
	{"... strangers are none", "up3 c:8", 2, "8", 0, 0},
};

static const char *addresses(const struct pel_hot_name *n, char *to)
{
	char *at = to;

	*to = '\0';
	for (unsigned i = 0; i < n->n_addrs; i++)
		at += sprintf(at, "%s%u", i ? " " : "", n->addrs[i].ip[3]);
	return to;
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct pel_hot *hot = calloc(1, sizeof(*hot));
	struct pel_cold *cold = calloc(1, sizeof(*cold));
	uint64_t generation;
	char text[64];

	if (strncmp(row->script, "up3 ", 4) == 0) {
		play(p, "up3");
		generation = p->t.generation;
		play(p, row->script + 4);
	} else {
		generation = p->t.generation;
		play(p, row->script);
	}
	topology_view(&p->t, hot, cold, NULL);
	assert_string_equal(addresses(&hot->names[row->name], text), row->addrs);
	assert_int_equal(hot->names[row->name].members, row->members);
	assert_int_equal(hot->generation - generation, row->severs);
	free(p);
	free(hot);
	free(cold);
}

static void custom_members_can_be_told(void **state)
{
	static const char *const ids[] = {"demo-1", "demo-3", "demo-8"};
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct pel_hot hot;
	static struct pel_cold cold;

	(void)state;
	play(p, "up3 c:2");
	assert_int_equal(topology_set_name_members(&p->t, 2, ids, 3),
		TOPOLOGY_DATA | TOPOLOGY_EPOCH);
	assert_int_equal(topology_set_name_members(&p->t, 2, ids, 3), 0); /* it is no news */
	topology_view(&p->t, &hot, &cold, NULL);
	assert_int_equal(hot.names[2].members, 5);
	play(p, "1t:1M,2,3,8");
	topology_view(&p->t, &hot, &cold, NULL);
	assert_int_equal(hot.names[2].members, 13);
	assert_int_equal(topology_set_name_members(&p->t, 2, NULL, 0),
		TOPOLOGY_DATA | TOPOLOGY_EPOCH);
	topology_view(&p->t, &hot, &cold, NULL);
	assert_int_equal(hot.names[2].members, 2);
	assert_int_equal(topology_set_name_members(&p->t, 3, ids, 1), 0);
	free(p);
}

static void the_view_has_everything(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true,
		.selector = PEL_SELECT_LEAST_LAG,
		.fallback = PEL_FALLBACK_REFUSE,
		.max_lag_ms = 900});
	uint8_t slots[PEL_MAP_INSTANCES];
	struct pel_hot hot;
	static struct pel_cold cold;
	uint64_t epoch;

	(void)state;
	play(p, "up3 1t:1M,2L33,3 1w");
	topology_view(&p->t, &hot, &cold, slots);
	assert_int_equal(hot.uid, 7);
	assert_int_equal(hot.epoch, p->t.epoch);
	epoch = hot.epoch;
	play(p, "1w");
	assert_int_equal(p->t.epoch, epoch);
	play(p, "3s 1w");
	assert_int_equal(p->t.epoch, epoch + 1);
	assert_int_equal(hot.selector, PEL_SELECT_LEAST_LAG);
	assert_int_equal(hot.fallback, PEL_FALLBACK_REFUSE);
	assert_int_equal(hot.max_lag_ms, 900);
	assert_int_equal(hot.port, 3306);
	assert_int_equal(hot.verified_ns, p->now - 3 * PLAY_MS);
	assert_int_equal(hot.writerless_ns, 0);
	assert_int_equal(hot.n_instances, 3);
	assert_int_equal(slots[hot.writer], topology_find(&p->t, "demo-1"));
	assert_int_equal(hot.instances[1].lag_ms, 33);
	assert_int_equal(hot.instances[1].cpu_permille, 100);
	assert_int_equal(hot.instances[1].rtt_us, 500);
	assert_int_equal(hot.instances[1].port, 3306);
	assert_int_equal(hot.instances[1].ip4[3], 2);
	assert_int_equal(hot.instances[1].flags, PEL_INST_ROUTABLE | PEL_INST_HAS4);
	assert_int_not_equal(hot.instances[1].identity, hot.instances[2].identity);
	assert_string_equal(cold.instances[2].id, "demo-3");
	assert_string_equal(cold.instances[2].uuid, "uuid-3");
	assert_string_equal(cold.instances[2].host, "demo-3.abc.us-east-1.rds.amazonaws.com");
	assert_string_equal(cold.names[0], "demo.cluster-abc.us-east-1.rds.amazonaws.com");
	assert_int_equal(hot.names[1].role, PEL_ROLE_READER);
	assert_int_equal(hot.names[0].hash, pel_name_hash(cold.names[0]));
	free(p);
}

static void the_view_has_no_gaps_and_right_indexes(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	uint8_t slots[PEL_MAP_INSTANCES];
	struct pel_hot hot;
	static struct pel_cold cold;

	(void)state;
	play(p, "up3 1r 3w 2x 1t:3M,1 +60500 3w 1t:3M,1");
	topology_view(&p->t, &hot, &cold, slots);
	assert_int_equal(hot.n_instances, 2);
	assert_int_equal(hot.writer, 1);
	assert_int_equal(slots[1], topology_find(&p->t, "demo-3"));
	assert_int_equal(hot.instances[1].role, PEL_ROLE_WRITER);
	free(p);
}

static void both_families_of_a_host_are_shown(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct pel_addr addrs[2] = {play_addr(2),
		{.family = 6, .port = 3306, .ip = {0xfd, [15] = 2}}};
	struct topology_dns dns = {.addrs = addrs, .n_addrs = 2, .ttl_ms = 5000};
	unsigned slot;
	struct pel_hot hot;
	static struct pel_cold cold;

	(void)state;
	play(p, "up3");
	slot = topology_find(&p->t, "demo-2");
	(void)topology_feed_host(&p->t, slot, &dns, p->now);
	topology_view(&p->t, &hot, &cold, NULL);
	assert_int_equal(hot.instances[slot].flags,
		PEL_INST_ROUTABLE | PEL_INST_HAS4 | PEL_INST_HAS6);
	assert_int_equal(hot.instances[slot].ip6[15], 2);
	free(p);
}

static void names_are_found_again_and_bounded(void **state)
{
	struct play *p = play_new(&(struct topology_config){0});
	char name[32];

	(void)state;
	for (int i = 0; i < PEL_MAP_NAMES; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example.com", i);
		assert_int_equal(topology_add_name(&p->t, name, PEL_ROLE_WRITER, 0), i);
	}
	assert_int_equal(topology_add_name(&p->t, "n3.example.com", PEL_ROLE_WRITER, 0), 3);
	assert_int_equal(topology_add_name(&p->t, "more.example.com", PEL_ROLE_WRITER, 0), -ENOSPC);
	free(p);
}

static void login_and_scout_addresses_have_the_ports(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct pel_addr addr = {.family = 4, .ip = {10, 0, 0, 9}}, got;
	struct topology_dns dns = {.addrs = &addr, .n_addrs = 1};

	(void)state;
	play(p, "names");
	assert_false(topology_scout_addr(&p->t, &got));
	assert_int_equal(topology_feed_dns(&p->t, 0, &dns, p->now), TOPOLOGY_DATA | TOPOLOGY_SCOUT);
	assert_true(topology_scout_addr(&p->t, &got));
	assert_int_equal(got.port, 3306);
	play(p, "scout:1,w,t:1M,2");
	assert_false(topology_scout_addr(&p->t, &got));
	assert_false(topology_login_addr(&p->t, topology_find(&p->t, "demo-2"), &got));
	(void)topology_feed_host(&p->t, topology_find(&p->t, "demo-2"), &dns, p->now);
	assert_true(topology_login_addr(&p->t, topology_find(&p->t, "demo-2"), &got));
	assert_int_equal(got.port, 3306);
	assert_int_equal(got.ip[3], 9);
	free(p);
}

static void a_host_of_several_addresses_is_tried_at_each(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	unsigned slot;

	(void)state;
	play(p, "up2 2x 2u 2d:7,8");
	slot = topology_find(&p->t, "demo-2");
	for (unsigned i = 0; i < 5; i++) {
		struct pel_addr got;

		assert_true(topology_login_addr(&p->t, slot, &got));
		assert_int_equal(got.ip[3], i % 2 ? 8 : 7);
		topology_login_failed(&p->t, slot);
		play(p, "2d:7,8");
	}
	play(p, "2h#8 2r 2d:7,8 2o");
	assert_int_equal(topology_member(&p->t, slot)->want.ip[3], 8);
	assert_true(topology_member(&p->t, slot)->routable);
	topology_login_failed(&p->t, slot);
	assert_int_equal(topology_member(&p->t, slot)->want.ip[3], 8);
	topology_login_failed(&p->t, 20);
	free(p);
}

static void a_dead_first_contact_is_followed_by_the_next(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct pel_addr got;

	(void)state;
	play(p, "names w:1");
	topology_scout_failed(&p->t);
	assert_true(topology_scout_addr(&p->t, &got));
	assert_int_equal(got.ip[3], 1);
	play(p, "q:2 q:3");
	for (unsigned i = 0; i < 4; i++) {
		static const unsigned order[] = {3, 2, 1, 3};

		topology_scout_failed(&p->t);
		assert_true(topology_scout_addr(&p->t, &got));
		assert_int_equal(got.ip[3], order[i]);
		play(p, "+300 w:1"); /* where nobody answered */
		assert_true(topology_scout_addr(&p->t, &got));
		assert_int_equal(got.ip[3], order[i]);
	}
	play(p, "w:2");
	assert_true(topology_scout_addr(&p->t, &got));
	assert_int_equal(got.ip[3], 2);
	play(p, "scout:3,r,t:1M,2,3");
	topology_scout_failed(&p->t);
	assert_false(topology_scout_addr(&p->t, &got));
	free(p);
}

static void an_answer_without_identity_is_no_first_contact(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct evidence e = {.has = EVIDENCE_ROLE, .role = PEL_ROLE_WRITER, .from = play_addr(1)};
	unsigned slot = 0;

	(void)state;
	play(p, "names w:1");
	assert_int_equal(topology_feed_scout(&p->t, &e, &slot), 0);
	assert_int_equal(slot, PEL_NONE);
	assert_null(topology_member(&p->t, 0));
	free(p);
}

static uint16_t login_port(const struct play *p, unsigned slot)
{
	struct pel_addr addr;

	assert_true(topology_login_addr(&p->t, slot, &addr));
	return addr.port;
}

static void the_control_planes_port_is_for_who_does_not_answer_at_another(void **state)
{
	static const char host[] = "demo-4.abc.us-east-1.rds.amazonaws.com";
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	unsigned slot;

	play_word(p, "up3");
	play_word(p, "1t:1M,2,3,4");
	play_word(p, "4d:4");
	slot = play_slot(p, 4);
	p->t.members[slot].host_addrs[0].port = 0; /* as DNS gives it */
	assert_int_equal(login_port(p, slot), 3306);
	topology_set_port(&p->t, slot, "demo-4.db.example.com", 3310);
	assert_int_equal(login_port(p, slot), 3306);
	topology_set_port(&p->t, slot, host, 0);
	assert_int_equal(login_port(p, slot), 3306);
	topology_set_port(&p->t, slot, host, 3307);
	assert_int_equal(login_port(p, slot), 3307);
	topology_set_port(&p->t, slot, host, 3307);
	topology_login_failed(&p->t, slot);
	assert_int_equal(login_port(p, slot), 3306);
	topology_set_port(&p->t, slot, host, 3307);
	assert_int_equal(login_port(p, slot), 3306);
	topology_login_failed(&p->t, slot);
	assert_int_equal(login_port(p, slot), 3307);
	p->t.members[slot].live = true;
	topology_set_port(&p->t, slot, host, 3308);
	assert_int_equal(login_port(p, slot), 3307);
	p->t.members[slot].live = false;
	p->t.members[slot].configured = true;
	topology_set_port(&p->t, slot, host, 3309);
	topology_login_failed(&p->t, slot);
	assert_int_equal(login_port(p, slot), 3307);
	topology_set_port(&p->t, PEL_NONE, host, 3308);
	topology_set_zone(&p->t, PEL_NONE, "us-east-1a");
	free(p);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(custom_members_can_be_told),
		cmocka_unit_test(the_view_has_everything),
		cmocka_unit_test(the_view_has_no_gaps_and_right_indexes),
		cmocka_unit_test(both_families_of_a_host_are_shown),
		cmocka_unit_test(names_are_found_again_and_bounded),
		cmocka_unit_test(login_and_scout_addresses_have_the_ports),
		cmocka_unit_test(a_host_of_several_addresses_is_tried_at_each),
		cmocka_unit_test(a_dead_first_contact_is_followed_by_the_next),
		cmocka_unit_test(an_answer_without_identity_is_no_first_contact),
		cmocka_unit_test(the_control_planes_port_is_for_who_does_not_answer_at_another),
	};

	return table_run("topology names", TABLE_OF(rows, holds, others), NULL, NULL);
}
