/* SPDX-License-Identifier: Apache-2.0 */
/* Which members there are and which readers may serve: configured ones, floods, lag, admission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/topology/state.h"
#include "table.h"
#include "topology_script.h"

#include <errno.h>

#define NO_MATTER 99

static const struct topology_config lag_limit = {.has_table = true, .max_lag_ms = 1000};
static const struct topology_config admission = {.has_table = true,
	.admit_max_lag_ms = 500,
	.admit_stable_ms = 10000};
static const struct topology_config warm_up = {.has_table = true,
	.admit_max_lag_ms = 500,
	.admit_stable_ms = 10000,
	.warm_up = true};
static const struct topology_config strict = {.has_table = true,
	.admit_stable_ms = 10000,
	.admit_never_last = true};

#define JOINS "1t:1M,2,3,4 4d:4 4h 4r 4o"

struct row {
	const char *title;
	const struct topology_config *config;
	const char *script;
	const char *picture;
};

static const struct row rows[] = {
	/* lag */
	{"a reader above the limit is lagged", &lag_limit, "up3 1t:1M,2L1001,3", "known 1W 2Rl 3R"},
	{"... at the limit it is not", &lag_limit, "up3 1t:1M,2L1000,3", "known 1W 2R 3R"},
	{"... and stays so until well below it", &lag_limit, "up3 1t:1M,2L1500,3 1t:1M,2L750,3",
		"known 1W 2Rl 3R"},
	{"... which ends it", &lag_limit, "up3 1t:1M,2L1500,3 1t:1M,2L749,3", "known 1W 2R 3R"},
	{"a lag between the limits makes nobody lagged", &lag_limit, "up3 1t:1M,2L900,3",
		"known 1W 2R 3R"},

	/* admission */
	{"who was there at the first topology is admitted", &admission, "up3", "known 1W 2R 3R"},
	{"who appears later is new", &admission, "up3 " JOINS, "known 1W 2R 3R 4Rn"},
	{"... is admitted after ten good seconds", &admission, "up3 " JOINS " +10010",
		"known 1W 2R 3R 4R"},
	{"... not a moment before", &admission, "up3 " JOINS " +9990", "known 1W 2R 3R 4Rn"},
	{"a lost connection begins them anew", &admission, "up3 " JOINS " +9000 4x 4h 4r +9000",
		"known 1W 2R 3R 4Rn"},
	{"bad health too", &admission, "up3 " JOINS " +9000 4s 4o +9000", "known 1W 2R 3R 4Rn"},
	{"a late probe too", &admission, "up3 " JOINS " +9000 4p 4o +9000", "known 1W 2R 3R 4Rn"},
	{"a lag above the limit holds it", &admission, "up3 " JOINS " 1t:1M,2,3,4L501 +20000",
		"known 1W 2R 3R 4Rh"},
	{"... until the lag is good for ten seconds", &admission,
		"up3 " JOINS " 1t:1M,2,3,4L501 +9000 1t:1M,2,3,4L500 +10010", "known 1W 2R 3R 4R"},
	{"a new instance that is not routable is not admitted", &admission,
		"up3 1t:1M,2,3,4 4d:8 4h 4r 4o +20000", "known 1W 2R 3R 4Rxn"},
	{"an admitted reader stays so whatever its lag", &admission, "up3 1t:1M,2,3L90000 +20000",
		"known 1W 2R 3R"},
	{"a new reader that is promoted is admitted with that", &admission, "up3 " JOINS " 1r 4w",
		"known 1R 2R 3R 4W"},
	{"... and stays so when demoted", &admission, "up3 " JOINS " 1r 4w 4r 1w",
		"known 1W 2R 3R 4R"},
	{"a demoted writer is not new", &admission, "up3 1r 2w", "known 1R 2W 3R"},
	{"a restarted reader is not new", &admission, "up3 3x 3u +5000 3o 3h 3r", "known 1W 2R 3R"},
	{"without another reader a new one is admitted at once", &admission,
		"up1 1t:1M,4 4d:4 4h 4r 4o", "known 1W 4R"},
	{"... when the last admitted one is unreachable", &admission, "up2 " JOINS " 2u",
		"known 1W 2Ru 3?xn 4R"},
	{"... not if the configuration prefers the writer", &strict, "up1 1t:1M,4 4d:4 4h 4r 4o",
		"known 1W 4Rn"},
	{"after a switchover nobody is new", &admission,
		"up2 1r w:5 +300 w:5 scout:1#5~b,w,t:1M,2 2d:6 2h#6~c 2r", "known 1W 2R"},

	/* by hand and by the warm-up */
	{"held by hand is held", &admission, "up3 hold:3 +60000", "known 1W 2R 3Rh"},
	{"... even as the last one", &admission, "up2 hold:2 +60000", "known 1W 2Rh"},
	{"... until admitted by hand", &admission, "up3 hold:3 admit:3", "known 1W 2R 3R"},
	{"held by a warm-up that gave up is a matter of the rules again", &admission,
		"up3 " JOINS " held:4 +10010", "known 1W 2R 3R 4R"},
	{"a new one can be admitted by hand", &admission, "up3 " JOINS " admit:4",
		"known 1W 2R 3R 4R"},
	{"with a warm-up, stable is not enough", &warm_up, "up3 " JOINS " +20000",
		"known 1W 2R 3R 4Rn"},
	{"who is being warmed is not admitted by time", &warm_up,
		"up3 " JOINS " +20000 warm:4 +60000", "known 1W 2R 3R 4Rm"},
	{"... but by promotion", &warm_up, "up3 " JOINS " +20000 warm:4 1r 4w",
		"known 1R 2R 3R 4W"},
	{"... or as the last one", &warm_up, "up2 " JOINS " +20000 warm:4 2u",
		"known 1W 2Ru 3?xn 4R"},
	{"whose warm-up came to nothing is held", &warm_up,
		"up3 " JOINS " +20000 warm:4 unwarmed:4 +60000", "known 1W 2R 3R 4Rh"},
	{"... unless nobody else is left", &warm_up, "up2 " JOINS " +20000 unwarmed:4 2u",
		"known 1W 2Ru 3?xn 4R"},
	{"... until admitted by hand", &warm_up, "up3 " JOINS " +20000 unwarmed:4 admit:4",
		"known 1W 2R 3R 4R"},
};

static void holds(void **state)
{
	const struct row *row = *state;
	struct play *p = play_new(row->config);
	char picture[256];

	play(p, row->script);
	assert_string_equal(play_picture(p, picture, sizeof(picture)), row->picture);
	free(p);
}

static void warming_is_wanted_once_stable(void **state)
{
	struct play *p = play_new(&warm_up);
	unsigned slot;

	(void)state;
	play(p, "up3 " JOINS);
	slot = topology_find(&p->t, "demo-4");
	assert_false(topology_wants_warm(&p->t, slot));
	play(p, "+10010 4r");
	assert_true(topology_wants_warm(&p->t, slot));
	assert_false(topology_wants_warm(&p->t, topology_find(&p->t, "demo-2")));
	play(p, "warm:4");
	assert_false(topology_wants_warm(&p->t, slot));
	assert_int_not_equal(topology_feed_warm(&p->t, slot, 37, 100, false, p->now), 0);
	assert_int_equal(topology_member(&p->t, slot)->warm_done, 37);
	free(p);
}

static void who_was_new_to_an_earlier_prober_still_is(void **state)
{
	struct play *p = play_new(&admission);
	unsigned slot;

	(void)state;
	topology_expect(&p->t, "demo-3", false);
	play(p, "up3");
	slot = topology_find(&p->t, "demo-3");
	assert_int_equal(topology_member(&p->t, slot)->admission, PEL_ADMIT_NEW);
	slot = topology_find(&p->t, "demo-2");
	assert_int_equal(topology_member(&p->t, slot)->admission, PEL_ADMITTED);
	free(p);
}

static void who_was_held_by_hand_still_is(void **state)
{
	struct play *p = play_new(&admission);
	char picture[256];

	(void)state;
	topology_expect(&p->t, "demo-3", true);
	play(p, "up3 +60000");
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1W 2R 3Rh");
	play(p, "admit:3 +1000");
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1W 2R 3R");
	free(p);
}

static void held_by_hand_outlasts_an_absence(void **state)
{
	struct play *p = play_new(&admission);
	unsigned slot;

	(void)state;
	play(p, "up3 hold:3");
	slot = topology_find(&p->t, "demo-3");
	topology_slot_free(&p->t, slot);
	play(p, "1t:1M,2,3 3d:3 3h 3r 3o +60000");
	slot = topology_find(&p->t, "demo-3");
	assert_int_equal(topology_member(&p->t, slot)->admission, PEL_ADMIT_HELD);
	play(p, "admit:3");
	topology_slot_free(&p->t, slot);
	play(p, "1t:1M,2,3 3d:3 3h 3r 3o +60000");
	slot = topology_find(&p->t, "demo-3");
	assert_int_equal(topology_member(&p->t, slot)->admission, PEL_ADMITTED);
	free(p);
}

static unsigned fill(struct play *p, unsigned n)
{
	struct evidence e = {.has = EVIDENCE_TABLE,
		.sent_ns = p->now,
		.received_ns = p->now + 1,
		.from = play_addr(1)};

	e.rows = (struct pel_rows){.n = PEL_MAP_INSTANCES, .master = 0, .newest_us = 0};
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		(void)snprintf(e.rows.rows[i].id, PEL_ID_MAX, i ? "junk-%u" : "demo-1", n + i);
	p->now += PLAY_MS;
	return topology_feed(&p->t, topology_find(&p->t, "demo-1"), &e);
}

static void a_flood_of_ids_never_drives_out_who_was_met(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	char picture[1024];

	(void)state;
	play(p, "up3");
	assert_true(fill(p, 100) & TOPOLOGY_MEMBERS);
	assert_int_not_equal(topology_find(&p->t, "demo-3"), PEL_NONE);
	assert_int_equal(topology_find(&p->t, "junk-131"), PEL_NONE);
	(void)fill(p, 200);
	assert_int_not_equal(topology_find(&p->t, "demo-3"), PEL_NONE);
	assert_int_not_equal(topology_find(&p->t, "junk-201"), PEL_NONE);
	play(p, "1w 1t0:1M,2,3,4");
	assert_int_not_equal(topology_find(&p->t, "demo-4"), PEL_NONE);
	(void)play_picture(p, picture, sizeof(picture));
	assert_int_equal(p->t.state, PEL_STATE_KNOWN);
	free(p);
}

static void members_of_the_configuration_need_no_table(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = false});
	char picture[256];

	(void)state;
	play(p, "names");
	assert_int_equal(topology_add_member(&p->t, "demo-1.example.com", 3307, p->now), 0);
	assert_int_equal(topology_add_member(&p->t, "demo-2.example.com", 0, p->now), 1);
	assert_int_equal(topology_add_member(&p->t, "demo-1.example.com", 3307, p->now), 0);
	assert_string_equal(topology_member(&p->t, 0)->host, "demo-1.example.com");
	play(p, "1d:1 2d:2 1h 1r 2h 2w");
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1R 2W");
	play(p, "2r 1w");
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1W 2R");
	play(p, "2x 2u +400000 1w");
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1W 2Ru");
	free(p);
}

/* A reader's lag without a table, by what is published of it. */
static void a_reader_tells_its_own_lag_without_a_table(void **state)
{
	static const struct {
		const char *script, *picture;
		uint32_t lag_ms;
	} cases[] = {
		{"2l0", "known 1W 2R", 0},
		{"2l900", "known 1W 2R", 900},
		{"2l2000", "known 1W 2Rl", 2000},
		{"2l900", "known 1W 2Rl", 900},
		{"2l?", "known 1W 2Rl", PEL_LAG_UNKNOWN},
		{"2l700", "known 1W 2R", 700},
		{"2l?", "known 1W 2R", PEL_LAG_UNKNOWN},
		{"2l!", "known 1W 2Rl", PEL_LAG_UNKNOWN},
		{"2l?", "known 1W 2Rl", PEL_LAG_UNKNOWN},
		{"2l!", "known 1W 2Rl", PEL_LAG_UNKNOWN},
		{"2l100 2x", "known 1W 2R", PEL_LAG_UNKNOWN},
		{"2h 2r 2l100 1r 2w", "known 1R 2W", PEL_LAG_UNKNOWN},
	};
	struct play *p = play_new(&(struct topology_config){.max_lag_ms = 1000});
	char picture[256];

	(void)state;
	(void)topology_add_member(&p->t, "demo-1.example.com", 0, p->now);
	(void)topology_add_member(&p->t, "demo-2.example.com", 0, p->now);
	play(p, "names 1d:1 2d:2 1h 1w 2h 2r");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		play(p, cases[i].script);
		assert_string_equal(play_picture(p, picture, sizeof(picture)), cases[i].picture);
		assert_int_equal(topology_member(&p->t, 1)->lag_ms, cases[i].lag_ms);
	}
	free(p);
}

/* Member 2 is another address of the server that member 1 is, or later of 3: a virtual address. */
static void two_addresses_of_one_server_are_one(void **state)
{
	static const struct {
		const char *script, *picture;
		unsigned wakes;
	} cases[] = {
		{"", "known 1W 3R", 0},
		{"1w 2w +60 1w 2w +3000 1w 2w", "known 1W 3R", 0},
		{"1x +100 2w", "known 1W 3R", 0},
		{"1x +100 2w 1h 1w", "known 1W 3R", 0},
		{"1x 1u 2w", "known 2W 3R", 1},
		{"1x +31000 2w", "known 2W 3R", 1},
		{"2x 2u", "known 1W 3R", 0},
		{"1r 2r", "writerless 1R 3R", 1},
		{"1x 1u 2x 3w 2h~3#4 2w", "known 1?u 3W", NO_MATTER},
		{"1x 1u 2x 2h~3#4 2r +60 3w 2w", "known 1?u 3W", NO_MATTER},
	};
	char picture[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play *p = play_new(&(struct topology_config){.has_table = false});

		for (unsigned n = 1; n <= 3; n++) {
			(void)snprintf(picture, sizeof(picture), "demo-%u.example.com", n);
			(void)topology_add_member(&p->t, picture, 0, p->now);
		}
		play(p, "names 1d:1 2d:2,4 3d:3 1h 1w 1o 3h 3r 3o 2h~1 2w 2o");
		p->wakes = 0;
		play(p, cases[i].script);
		assert_string_equal(play_picture(p, picture, sizeof(picture)), cases[i].picture);
		if (cases[i].wakes != NO_MATTER)
			assert_int_equal(p->wakes, cases[i].wakes);
		free(p);
	}
}

static void a_stranger_makes_no_member_without_a_table(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = false});
	char picture[256];

	(void)state;
	play(p, "names");
	(void)topology_add_member(&p->t, "demo-1.example.com", 0, p->now);
	play(p, "1d:1 1h 1w w:5 +300 w:5 +300 w:5");
	assert_true(p->bits & TOPOLOGY_SCOUT);
	play(p, "scout:5,w w:5 +300 w:5");
	assert_false(p->bits & TOPOLOGY_SCOUT);
	assert_string_equal(play_picture(p, picture, sizeof(picture)), "known 1W");
	free(p);
}

static void a_new_pattern_gives_new_hosts(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct topology_config config = p->config;

	(void)state;
	play(p, "up2");
	strcpy(config.pattern, "?.db.example.com");
	assert_true(topology_configure(&p->t, &config, p->now) & TOPOLOGY_MEMBERS);
	assert_string_equal(topology_member(&p->t, topology_find(&p->t, "demo-2"))->host,
		"demo-2.db.example.com");
	assert_false(topology_configure(&p->t, &config, p->now) & TOPOLOGY_MEMBERS);
	(void)topology_add_member(&p->t, "own.example.org", 0, p->now);
	strcpy(config.pattern, "?.example.net");
	assert_true(topology_configure(&p->t, &config, p->now) & TOPOLOGY_MEMBERS);
	assert_string_equal(topology_member(&p->t, topology_find(&p->t, "own"))->host,
		"own.example.org");
	free(p);
}

static void members_on_one_host_are_told_apart_by_port(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = false});
	struct pel_addr addr = {.family = 6, .port = 3307, .ip = {[15] = 1}};
	struct topology_dns dns = {.addrs = &addr, .n_addrs = 1};
	struct evidence e = {.has = EVIDENCE_IDENTITY | EVIDENCE_ROLE,
		.role = PEL_ROLE_READER,
		.from = addr,
		.uuid = "u"};
	unsigned slot;

	(void)state;
	(void)topology_add_member(&p->t, "::1", 3307, p->now);
	(void)topology_feed_host(&p->t, 0, &dns, p->now);
	e.from.port = 3308;
	(void)topology_feed(&p->t, 0, &e);
	assert_false(topology_member(&p->t, 0)->routable);
	e.from.port = 3307;
	(void)topology_feed(&p->t, 0, &e);
	assert_true(topology_member(&p->t, 0)->routable);
	/* What comes from elsewhere is not its answer. */
	e.has = EVIDENCE_ROLE;
	e.role = PEL_ROLE_WRITER;
	e.from.ip[15] = 2;
	assert_int_equal(topology_feed(&p->t, 0, &e), 0);
	e.from.ip[15] = 1;
	e.from.port = 3308;
	assert_int_equal(topology_feed(&p->t, 0, &e), 0);
	assert_int_equal(topology_member(&p->t, 0)->self_role, PEL_ROLE_READER);
	/* The member that a name leads to is known by its uuid. */
	e.has = EVIDENCE_IDENTITY;
	(void)topology_feed_scout(&p->t, &e, &slot);
	assert_int_equal(slot, 0);
	strcpy(e.uuid, "v");
	(void)topology_feed_scout(&p->t, &e, &slot);
	assert_int_equal(slot, PEL_NONE);
	free(p);
}

static void trouble_is_what_asks_for_an_alarm(void **state)
{
	static const struct {
		const char *script;
		bool troubled;
	} cases[] = {
		{"up3", false},
		{"up3 1x", true},
		{"up3 1p", true},
		{"up3 1s", true},
		{"up3 1r", true},
		{"up3 2w", true},
		{"up3 3x 3u", false},
		{"up3 +700 2t:2M,1,3", true},
		{"up3 +700 2t:1,2,3", true},
		{"up3 +700 2t:1,2,3 1w", false},
		{"up3 +700 2t:2M,1,3 1w", false},
		{"up3 2w 1w", true},
		{"up3 1r +29000", true},
		{"up3 1r 3x +31000", true},
		{"up3 1r +31000", false},
		{"up3 1r +31000 3x 3u", false},
		{"up3 2w 1w +500 3t100:2M,1,3 1w 2w", false},
		{"names", true},
		{"names why:nocred", false},
		{"up3 1h", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play *p = play_new(&(struct topology_config){.has_table = true});

		play(p, cases[i].script);
		if (topology_is_troubled(&p->t) != cases[i].troubled)
			fail_msg("%s", cases[i].script);
		free(p);
	}
}

static void a_free_slot_takes_nothing(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct evidence e = {.has = EVIDENCE_ROLE, .role = PEL_ROLE_WRITER};
	struct topology_dns dns = {0};

	(void)state;
	play(p, "up1");
	assert_int_equal(topology_feed(&p->t, 9, &e), 0);
	assert_int_equal(topology_feed(&p->t, PEL_NONE, &e), 0);
	assert_int_equal(topology_feed_lost(&p->t, 9, p->now), 0);
	assert_int_equal(topology_feed_health(&p->t, 9, PEL_HEALTH_UNREACHABLE, 0, p->now), 0);
	assert_int_equal(topology_feed_host(&p->t, 0, &dns, p->now), 0);
	assert_int_equal(topology_feed_admission(&p->t, 9, PEL_ADMITTED, true, p->now), 0);
	assert_int_equal(topology_feed_warm(&p->t, 9, 1, 1, false, p->now), 0);
	assert_null(topology_member(&p->t, 9));
	free(p);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(warming_is_wanted_once_stable),
		cmocka_unit_test(who_was_new_to_an_earlier_prober_still_is),
		cmocka_unit_test(who_was_held_by_hand_still_is),
		cmocka_unit_test(held_by_hand_outlasts_an_absence),
		cmocka_unit_test(a_flood_of_ids_never_drives_out_who_was_met),
		cmocka_unit_test(members_of_the_configuration_need_no_table),
		cmocka_unit_test(a_reader_tells_its_own_lag_without_a_table),
		cmocka_unit_test(two_addresses_of_one_server_are_one),
		cmocka_unit_test(a_stranger_makes_no_member_without_a_table),
		cmocka_unit_test(a_new_pattern_gives_new_hosts),
		cmocka_unit_test(members_on_one_host_are_told_apart_by_port),
		cmocka_unit_test(trouble_is_what_asks_for_an_alarm),
		cmocka_unit_test(a_free_slot_takes_nothing),
	};

	return table_run("topology members", TABLE_OF(rows, holds, others), NULL, NULL);
}
