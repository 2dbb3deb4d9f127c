/* SPDX-License-Identifier: Apache-2.0 */
/* Health of an instance, in the world that health_world.h has the words of. */
#include "health_world.h"
#include "table.h"

struct row {
	const char *title;
	const char *script;
	enum pel_health state;
	const char *counts; /* "looks", "dials" ...: at least one; "!dials": none */
};

static const struct row rows[] = {
	/* quiet */
	{"an instance that answers is well", "2000", OK, "!looks !dials"},
	{"one that is not asked is not silent", "1000 ask- 60000", OK, "!looks"},
	{"one that is asked rarely is not silent between", "ask- 10000 ask+ 600", OK, "!looks"},
	{"a distant one is well", "rtt:200 5000", OK, "!looks"},
	{"a slow answer below 250 ms is no reason to look", "rtt:240 3000", OK, "!looks"},
	{"one that became slower is looked at", "1000 rtt:400 1400", OK, "looks"},
	{"... once it is usual, it is not", "1000 rtt:300 60000", OK, NULL},

	/* unreachable */
	{"a late probe starts a close look", "1000 kernel- 800", SUSPECT, "looks dials"},
	{"... not before 250 ms", "1000 ask- kernel- ask+ 240", OK, "!looks"},
	{"... and not while it is below four usual round trips", "rtt:200 20000 kernel- 700", OK,
		"!looks"},
	{"silence is no verdict before its time", "1000 kernel- 990", SUSPECT, NULL},
	{"a cut is found within two seconds", "1000 kernel- 2000", UNREACHABLE, NULL},
	{"... and its connection has to be given up", "1000 kernel- 2100", UNREACHABLE, "renews"},
	{"a cut of half a second is none", "1000 kernel- 590 kernel+ 2000", OK, NULL},
	{"a healed host is well when its server speaks", "1000 kernel- 5000 kernel+ 2500", OK,
		NULL},
	{"... not when its kernel alone answers", "1000 kernel- 5000 server- kernel+ 2500",
		UNREACHABLE, NULL},
	{"a far instance gets more time", "rtt:300 30000 kernel- 1500", SUSPECT, NULL},
	{"... not for ever", "rtt:300 30000 kernel- 2500", UNREACHABLE, NULL},
	{"a member that never answered is unreachable too", "ask- drop kernel- ask+ 3000",
		UNREACHABLE, NULL},
	{"... not before its time", "ask- drop kernel- ask+ 1400", SUSPECT, NULL},
	{"an attempt that the network refuses is silence", "ask- drop unroute ask+ 3000",
		UNREACHABLE, NULL},
	{"bytes that are acknowledged forbid the verdict", "1000 server- 1900", STALLED, NULL},
	{"a SYN-ACK forbids the verdict", "1000 old- 1800", OK, "dials !declared"},
	{"... not before its time", "1000 server- old- 1200", STALLED, "!renews"},
	{"a connection that stays dead beside a SYN-ACK has to be replaced",
		"1000 server- old- 2600", STALLED, "renews !declared"},

	/* refusals */
	{"a second one that is refused, while the first is only late, says nothing",
		"1000 closed+ 700", SUSPECT, "dials !renews"},
	{"... and is stalled if its kernel goes on to acknowledge the first", "1000 closed+ 4000",
		STALLED, "dials"},
	{"... but unreachable if nothing acknowledges the first", "1000 old- closed+ 2000",
		UNREACHABLE, "dials"},
	{"... not before its time", "1000 old- closed+ 990", SUSPECT, NULL},
	{"one that was refused just before a cut does not put its verdict off",
		"1000 limit+ server- 400 server+ 100 kernel- 2000", UNREACHABLE, "dials"},
	{"a refused connection counts at once", "1000 kill 120", UNREACHABLE, "!looks"},
	{"a connection that is reset, and the next one before a word, counts at once",
		"1000 lost reset", UNREACHABLE, "!looks"},
	{"... not the next one alone", "1000 drop reset 40", OK, NULL},
	{"... nor if the server has spoken between", "1000 lost 400 drop reset 40", OK, NULL},
	{"a restarted server is well", "1000 kill 3000 closed- server+ 1500", OK, NULL},
	{"a lost connection alone is nothing", "1000 drop 200", OK, "!looks"},
	{"a closed port is found through a new connection", "1000 drop closed+ 200", UNREACHABLE,
		NULL},

	/* stalled */
	{"a server that is silent under a live kernel is stalled", "1000 server- 2000", STALLED,
		"dials"},
	{"... for 30 s", "1000 server- 29000", STALLED, NULL},
	{"... then it counts as unreachable", "1000 server- 31500", UNREACHABLE, NULL},
	{"a server that was paused for five seconds is well after it",
		"1000 server- 5000 server+ 700", OK, NULL},
	{"a second of pause is not even stalled", "1000 server- 1000 server+ 100", OK, NULL},
	{"a stalled one that is cut off, its question acknowledged, is stalled for its time",
		"1000 server- 3000 kernel- 5000", STALLED, NULL},
	{"every connection slot taken is a sign of life", "drop full 10000", OK, NULL},
	{"... as is an error on the connection in use", "1000 full 10000", OK, NULL},

	/* own trouble */
	{"silence of everybody is held back", "1000 kernel- others- dns- 6000", SUSPECT, NULL},
	{"... five seconds, then it counts", "1000 kernel- others- dns- 7000", UNREACHABLE, NULL},
	{"DNS that answers is a witness", "1000 others- kernel- 2000", UNREACHABLE, "witnesses"},
	{"another instance is a witness", "1000 dns- kernel- 2000", UNREACHABLE, NULL},
	{"own network gone for three seconds declares nothing",
		"1000 kernel- others- dns- 3000 kernel+ others+ dns+ 3500", OK, "!declared"},
	{"... nor half a second later, with the question in its back-off",
		"1000 kernel- others- dns- 1900 kernel+ others+ dns+ 1400", OK, "!declared"},
	{"a host that stays cut when ours comes back is found",
		"1000 kernel- others- dns- 3000 others+ dns+ 2400", UNREACHABLE, NULL},

	/* a late loop */
	{"a pause of the prober is not silence of the instance", "1000 pause:3000 200", OK,
		"!looks"},
	{"... of fifteen seconds neither", "1000 pause:15000 200", OK, "!looks"},
	{"... and does not hide a cut", "1000 pause:3000 kernel- 2000", UNREACHABLE, NULL},
	{"a cut that began before the pause goes on after it", "1000 kernel- 800 pause:3000 1300",
		UNREACHABLE, NULL},
	{"... but the pause does not count as its silence", "1000 kernel- 300 pause:3000 500",
		SUSPECT, NULL},
	{"a pause of the prober does not spoil the usual round trip",
		"1000 pause:3000 1000 kernel- 2000", UNREACHABLE, NULL},
};

static void check_counts(const struct world *w, const char *counts)
{
	const struct {
		const char *name;
		unsigned n;
	} all[] = {{"looks", w->looks}, {"dials", w->dials}, {"renews", w->renews},
		{"witnesses", w->witnesses}, {"declared", w->declared}};

	for (size_t i = 0; counts && i < sizeof(all) / sizeof(*all); i++) {
		const char *at = strstr(counts, all[i].name);

		if (at)
			assert_int_equal(all[i].n > 0, at == counts || at[-1] != '!');
	}
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct world w;

	world_init(&w);
	world_play(&w, row->script);
	assert_int_equal(w.h.state, row->state);
	check_counts(&w, row->counts);
}

static void a_lossy_far_network_raises_no_alarm(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rtt = 300 * MS;
	srand(1);
	/* Ten minutes; now and then the first segment of a question is lost. */
	for (unsigned i = 0; i < 600000 / 5; i++) {
		w.old = rand() % 20 != 0;
		world_pass(&w, 5);
	}
	assert_true(w.looks > 0);
	assert_int_equal(w.declared, 0);
}

static void usual_round_trips_follow_slowly(void **state)
{
	struct health_witness witness = {0};
	struct health h;

	(void)state;
	health_init(&h, MS);
	health_spoke(&h, &witness, 1000, 2 * MS);
	assert_int_equal(h.rtt_us, 1000);
	health_spoke(&h, &witness, 9000, 3 * MS);
	assert_int_equal(h.rtt_us, 2000);
	health_spoke(&h, &witness, 0, 4 * MS);
	assert_int_equal(h.rtt_us, 2000);
	health_asked(&h, 5 * MS);
	health_paused(&h, 6 * MS, 3006 * MS);
	health_spoke(&h, &witness, 3001000, 3007 * MS);
	assert_int_equal(h.rtt_us, 2000);
	health_spoke(&h, &witness, 10000, 3008 * MS);
	assert_int_equal(h.rtt_us, 3000);
}

static void a_pause_moves_what_is_measured_from(void **state)
{
	struct health_witness witness = {.heard_ns = 90 * MS};
	struct health h = {.connected = true,
		.spoke_ns = 50 * MS,
		.acked_ns = 60 * MS,
		.asked_ns = 70 * MS,
		.dialled_ns = 80 * MS,
		.close_ns = 85 * MS,
		.looked_ns = 95 * MS};

	(void)state;
	health_paused(&h, 100 * MS, 1100 * MS);
	health_witness_paused(&witness, 100 * MS, 1100 * MS);
	assert_int_equal(h.spoke_ns, 1050 * MS);
	assert_int_equal(h.acked_ns, 1060 * MS);
	assert_int_equal(h.asked_ns, 1070 * MS);
	assert_int_equal(h.dialled_ns, 1080 * MS);
	assert_int_equal(h.close_ns, 1085 * MS);
	assert_int_equal(h.looked_ns, 0);
	assert_int_equal(witness.heard_ns, 1090 * MS);
	health_witness_paused(&witness, 100 * MS, 1100 * MS);
	assert_int_equal(witness.heard_ns, 1090 * MS);
	health_witness_paused(&witness, 1200 * MS, 1500 * MS);
	assert_int_equal(witness.heard_ns, 1390 * MS);
	health_paused(&h, 3000 * MS, 2000 * MS);
	assert_int_equal(h.spoke_ns, 1050 * MS);
}

static void a_fresh_syn_is_given_time(void **state)
{
	static const struct health_config config = {1500 * MS, 30000 * MS};
	struct health_witness witness = {0};
	struct health h;
	uint64_t due, t = 50000 * MS;

	(void)state;
	health_init(&h, t);
	health_accepted(&h, &witness, true, t);
	health_spoke(&h, &witness, 1000, t);
	health_asked(&h, t);
	for (unsigned ms = 250; ms <= 2600; ms += 50) {
		uint64_t now = t + ms * MS;

		health_witnessed(&witness, now);
		if (ms == 2000)
			health_dialled(&h, now);
		health_looked(&h, true, (ms + 1) * MS, now);
		(void)health_tick(&h, &witness, &config, now, &due);
		assert_int_equal(h.state, ms < 2500 ? SUSPECT : UNREACHABLE);
	}
	/* Then there is nothing to wait for, and one wish. */
	assert_int_equal(due, UINT64_MAX);
	assert_int_equal(health_tick(&h, &witness, &config, t + 3000 * MS, &due),
		HEALTH_WANT_RENEW);
	health_closed(&h, &witness, false, t + 3000 * MS);
	assert_int_equal(health_tick(&h, &witness, &config, t + 3001 * MS, &due), 0);
}

static void an_old_acknowledgement_is_no_news(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1000 * MS);
	health_looked(&h, false, 300 * MS, 1500 * MS);
	assert_int_equal(h.acked_ns, 1200 * MS);
	health_looked(&h, false, 900 * MS, 1600 * MS);
	assert_int_equal(h.acked_ns, 1200 * MS);
	health_looked(&h, false, 9000 * MS, 1700 * MS);
	assert_int_equal(h.acked_ns, 1200 * MS);
}

static void a_close_look_is_not_a_stare(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	world_play(&w, "1000 server- 2000");
	assert_in_range(w.looks, 15, 18);
	assert_in_range(w.dials, 1, 2);
}

/* Each second connection logs in and takes the first one's place, and its question hangs like the last. */
static void who_lets_in_and_answers_nothing_is_met_once_a_second(void **state)
{
	static const struct health_config config = {1500 * MS, 30000 * MS};
	struct health_witness witness = {0};
	uint64_t due, t = 50000 * MS, end = t + 10000 * MS;
	unsigned dials = 0;
	struct health h;

	(void)state;
	health_init(&h, t);
	health_accepted(&h, &witness, true, t);
	health_asked(&h, t);
	for (; t < end; t += STEP) {
		if (!(health_tick(&h, &witness, &config, t, &due) & HEALTH_WANT_CONNECT))
			continue;
		dials++;
		health_dialled(&h, t);
		health_accepted(&h, &witness, false, t);
		health_accepted(&h, &witness, true, t);
		health_spoke(&h, &witness, 0, t);
		health_asked(&h, t);
	}
	assert_in_range(dials, 8, 10);
}

static void times_of_the_configuration_hold(void **state)
{
	static const struct health_config config = {600 * MS, 2000 * MS};
	struct health_witness witness = {0};
	struct health h;
	uint64_t due, t = 50000 * MS;

	(void)state;
	health_init(&h, t);
	health_accepted(&h, &witness, true, t);
	health_spoke(&h, &witness, 1000, t);
	health_asked(&h, t);
	(void)health_tick(&h, &witness, &config, t, &due);
	assert_int_equal(due, t + HEALTH_LATE_NS);
	assert_int_equal(health_tick(&h, &witness, &config, due, &due),
		HEALTH_WANT_LOOK | HEALTH_WANT_CONNECT | HEALTH_WANT_WITNESS);
	assert_int_equal(h.state, SUSPECT);
	health_looked(&h, false, 0, t + 650 * MS);
	(void)health_tick(&h, &witness, &config, t + 650 * MS, &due);
	assert_int_equal(h.state, STALLED);
	health_looked(&h, false, 0, t + 2000 * MS);
	(void)health_tick(&h, &witness, &config, t + 2000 * MS, &due);
	assert_int_equal(h.state, UNREACHABLE);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_lossy_far_network_raises_no_alarm),
		cmocka_unit_test(usual_round_trips_follow_slowly),
		cmocka_unit_test(a_pause_moves_what_is_measured_from),
		cmocka_unit_test(a_fresh_syn_is_given_time),
		cmocka_unit_test(an_old_acknowledgement_is_no_news),
		cmocka_unit_test(a_close_look_is_not_a_stare),
		cmocka_unit_test(who_lets_in_and_answers_nothing_is_met_once_a_second),
		cmocka_unit_test(times_of_the_configuration_hold),
	};

	return table_run("health", TABLE_OF(rows, holds, others), NULL, NULL);
}
