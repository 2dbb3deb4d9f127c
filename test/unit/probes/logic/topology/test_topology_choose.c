/* SPDX-License-Identifier: Apache-2.0 */
/* One writer of many that may be written to: who is chosen, kept, and left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/topology/state.h"
#include "table.h"
#include "topology_script.h"

/* Three of the configuration, each met and well; the first is the writer. */
#define MET "names 1d:1 2d:2 3d:3 1h 2h 3h 1o 2o 3o "
#define UP MET "1a^3 2a^3 3a^3 "

/* The first was never met: the second is the writer. */
#define LATER "names 1d:1 2d:2 3d:3 2h 3h 2o 3o 2a^3 3a^3 +500 2a^3 3a^3 "

struct row {
	const char *title, *script, *picture;
};

static const struct row rows[] = {
	/* the first choice */
	{"of many the first of the configuration is the writer", UP, "known 1W 2R 3R"},
	{"... whoever answers first", MET "3a 2a 1a", "known 1W 2R 3R"},
	{"... who is waited for", MET "3a 2a +400", "unknown:starting 1? 2R 3R"},
	{"... but not for long", MET "3a 2a +500", "known 1? 2W 3R"},
	{"... nor if it cannot be reached", MET "1u 3a 2a", "known 1?u 2W 3R"},
	{"... nor if it is read-only", MET "3a 2a 1r", "known 1R 2W 3R"},
	{"... nor if it is in no group", MET "3a 2a 1n", "known 1?u 2W 3R"},
	{"a donor is chosen only where nobody else is", MET "1A 2a 3n", "known 1Rl 2W 3?u"},
	{"... and then it is", MET "1A 2r 3n", "known 1Wl 2R 3?u"},
	{"whom an earlier daemon had chosen is chosen again", MET "wish:3 1a 2a 3a",
		"known 1R 2R 3W"},
	{"... though there be no fleet", MET "wish:3 fleet:0 1a 2a 3a", "known 1R 2R 3W"},
	{"... and waited for", MET "wish:3 1a 2a +400", "unknown:starting 1R 2R 3?"},
	{"... once: later on the order counts", MET "wish:3 1a 2a 3a 3n +20 2a 1a",
		"known 1W 2R 3?u"},
	{"all that refuse are no writer", MET "1n 2n 3n +2000", "unknown:nowriter 1? 2? 3?"},

	/* it is kept */
	{"the writer stays", UP "2a^3 1a^3 3a^3 +2000 2a^3 3a^3", "known 1W 2R 3R"},
	{"... though its connection be lost", UP "1x +200 2a^3 3a^3", "known 1W 2R 3R"},
	{"... and is the writer when it is back", UP "1x +200 1h 1a^3", "known 1W 2R 3R"},
	{"... for half a minute", UP "1x +31000 2a^3 3a^3", "known 1? 2W 3R"},
	{"... though its answers be errors for a while", UP "1e +3000 1e 2a^3", "known 1W 2R 3R"},
	{"... but no longer", UP "1e +5000 1e +60 2a^3 3a^3", "known 1? 2W 3R"},
	{"... though a node come", UP "3a^4", "known 1W 2R 3R"},
	{"... as long as it may not have heard of it", UP "3a^4 +200 2a^4", "known 1W 2R 3R"},
	{"... and when it has", UP "3a^4 +20 1a^4 2a^4", "known 1W 2R 3R"},
	{"... though it be a donor for a moment", UP "1A^3 +1000 2a^3 1a^3", "known 1W 2R 3R"},
	{"... but not for long", UP "1A^3 +2000 1A^3 2a^3 3a^3", "known 1Rl 2W 3R"},
	{"... unless nobody else is well", UP "2A^3 3n 1A^3 +2000 1A^3 2A^3 3n 1A^3",
		"known 1Wl 2Rl 3?u"},
	{"silent, it stays for now", UP "1s 2a^3 3a^3", "known 1Ws 2R 3R"},

	{"a donor stays where who is well is silent", UP "2s 3n 1A^3 +2000 1A^3 +400 3n",
		"known 1Wl 2Rs 3?u"},

	/* it is replaced */
	{"a writer that refuses connections has a successor at once", UP "1x 1u 2a^3 3a^3",
		"known 1?u 2W 3R"},
	{"... who said a moment ago that it is able", UP "1u", "known 1Ru 2W 3R"},
	{"... not long ago", UP "+500 1u", "writerless 1Ru 2R 3R"},
	{"... and whoever would be before it is waited for", UP "+500 1u 3a^3",
		"writerless 1Ru 2R 3R"},
	{"... but not for long", UP "+500 1u 3a^3 +60", "known 1Ru 2R 3W"},
	{"one that is cut off from its group has one", UP "1n 2a^4 3a^4", "known 1?u 2W 3R"},
	{"... also if its group tells first", UP "2a^4 3a^4 +250 1a^3 2a^4", "known 1R 2W 3R"},
	{"... at once if it is still about to change", UP "2a^4 3a^4 1a^3!", "known 1R 2W 3R"},
	{"... at once if it was not about to change with the others",
		UP "2a^3! +300 1a^3 2a^3! +20 1a^3 2a^3! 1a^3 2a^4", "known 1R 2W 3R"},
	{"... not if it was when the others were too", UP "1a^3! 2a^4", "known 1W 2R 3R"},
	{"... at once if it is silent", UP "1s 2a^4 3a^4", "known 1Rs 2W 3R"},
	{"... or as its group is about to go on", UP "1s 2a^3!", "known 1Rs 2W 3R"},
	{"... or has gone on, though its connection be lost", UP "1x 1s 2a^4 3a^4 +20 2a^4",
		"known 1?s 2W 3R"},
	{"... and waits for one that was never met", LATER "2x 2s 3a^4 +40 3a^4",
		"known 1?x 2Ws 3R"},
	{"... but not for long", LATER "2x 2s 3a^4 +20 3a^4 +60 3a^4", "known 1?x 2?s 3W"},
	{"... each time anew", LATER "2x 2s 3a^4 +30 2h 2a^4 3a^4 +9000 2x 3a^4 +20 3a^4",
		"known 1?x 2Ws 3R"},
	{"... not if it is only out of sight", UP "1x 2a^4 3a^4 +20 2a^4", "known 1W 2R 3R"},
	{"... not if it speaks", UP "2a^3! 1a^3", "known 1W 2R 3R"},
	{"one that was made read-only has one", UP "1r^3 2a^3", "known 1R 2W 3R"},
	{"one that rejects queries has one", UP "1n^3 2a^3", "known 1?u 2W 3R"},
	{"where nobody serves, nobody is closed, and nobody connects", UP "1n 2n 3n +100 1n 2n 3n",
		"writerless 1? 2? 3?"},
	{"a minority has no writer", UP "2u 3u 1n +100 1n", "writerless 1? 2Ru 3Ru"},

	/* it does not come back */
	{"who comes back is a reader", UP "1x 1u 2a^4 3a^4 +9000 1o 1h 1a^5 2a^5 3a^5",
		"known 1R 2W 3R"},
	{"who was stopped and does not know its group's formation is no claimant",
		UP "1s 2a^4 3a^4 1o 1a^3", "known 1R 2W 3R"},
	{"... not even if all others are gone", UP "1s 2a^4 3a^4 2u 3u 1o 1a^3",
		"writerless 1R 2Ru 3Ru"},
	{"a cluster that was begun anew counts from the beginning: it has a writer once none is "
	 "awaited",
		UP "1u 2u 3u +31000 3o 3h 3a^1", "known 1Ru 2Ru 3W"},

	/* a fleet */
	{"a fleet's writer is ours", UP "fleet:2 2a^3", "known 1R 2W 3R"},
	{"... once it has said so itself since then", UP "fleet:2", "known 1W 2R 3R"},
	{"... if it is able in our eyes", UP "fleet:2 2n 3a^3", "known 1W 2?u 3R"},
	{"... and at the first choice", MET "fleet:2 3a 1a 2a", "known 1R 2W 3R"},
	{"... and stays when there is no fleet any more", UP "fleet:2 2a^3 fleet:0 1a^3 2a^3",
		"known 1R 2W 3R"},
	{"... and its next one too", UP "fleet:2 2a^3 +5000 fleet:3 3a^3", "known 1R 2R 3W"},
	{"... but a fleet that cannot make up its mind is not followed at once",
		UP "fleet:2 2a^3 +1000 fleet:3 3a^3 1a^3", "known 1R 2W 3R"},
	{"... nor to one that is silent", UP "fleet:1 1a^3 1s 2a^3! 2a^3!", "known 1Rs 2W 3R"},
	{"... until it says anew that it is able", UP "fleet:2 2a^3 2s 2a^3 1a^3! +5000 2o 1a^3",
		"known 1W 2R 3R"},
	{"who is unknown here is no wish", UP "fleet:7 2a^3", "known 1W 2R 3R"},

	/* others */
	{"one that claims alone beside many that may is disputed", UP "2w^3 1a^3 2w^3 1a^3",
		"writerless:disputed 1? 2? 3R"},
};

static struct play *begin(void)
{
	struct play *p = play_new(&(struct topology_config){.admit_stable_ms = 1});
	char host[32];

	for (unsigned n = 1; n <= 3; n++) {
		(void)snprintf(host, sizeof(host), "demo-%u.example.com", n);
		(void)topology_add_member(&p->t, host, 0, p->now);
	}
	return p;
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct play *p = begin();
	char text[128];

	play(p, row->script);
	assert_string_equal(play_picture(p, text, sizeof(text)), row->picture);
	free(p);
}

/* Its daemon asks often while anything about the group is open. */
static void what_is_open_is_an_alarm(void **state)
{
	static const struct {
		const char *script;
		bool troubled;
	} cases[] = {
		{UP, false},
		{UP "3a^3!", true},
		{UP "3a^3! 3a^3", false},
		{UP "2a^4", true},
		{UP "2a^4 1a^4", false},
		{UP "3n", false},
		{UP "3a^3! 3e +5000 1a^3 3e", false}, /* it says nothing any more */
		{UP "1n", false},                     /* another is the writer by now */
		{UP "+500 1n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play *p = begin();

		play(p, cases[i].script);
		assert_int_equal(topology_is_troubled(&p->t), cases[i].troubled);
		free(p);
	}
}

/*
 * Whatever happens: at most one is the writer, it is one that has said that it is able and has not said
 * otherwise since, and it gives way to nobody while it goes on saying so, well and of the latest term.
 */
static void run(unsigned seed, unsigned n)
{
	static const char *const more[] = {"1n", "2n", "3n", "1r", "2r", "1A", "2A", "1x", "2x",
		"3x", "1u", "2u", "3u", "1o", "2o", "3o", "1s", "2s", "1p", "2p", "1e", "2e",
		"fleet:1", "fleet:2", "fleet:3", "fleet:0", "wish:2", "+1", "+20", "+60", "+250",
		"+1000", "+5000"};
	struct play *p = begin();
	bool able[4] = {false};
	char word[16];

	srand(seed);
	play(p, UP);
	able[1] = able[2] = able[3] = true;
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 1 + (unsigned)rand() % 3, claims = 0, was = p->t.writer;
		bool firm = p->t.wish.firm && p->t.wish.id[0];

		(void)snprintf(word, sizeof(word), "%ua^3%s", k, rand() % 8 ? "" : "!");
		if (rand() % 3 == 0)
			(void)snprintf(word, sizeof(word), "%s",
				more[(unsigned)rand() % (sizeof(more) / sizeof(*more))]);
		else if (!p->t.members[k - 1].live || rand() % 20 == 0)
			(void)snprintf(word, sizeof(word), "%uh", k);
		play_word(p, word);
		k = (unsigned)(*word - '0');
		if (k <= 3 && strchr("aAnr", word[1]) && p->t.members[k - 1].live)
			able[k] = strchr("aA", word[1]) != NULL;
		for (unsigned m = 0; m < 3; m++)
			claims += p->t.members[m].claim_ns != 0;
		assert_true(claims <= 1);
		assert_int_not_equal(p->t.contest.state, CONTEST_DISPUTED);
		if (p->t.writer == PEL_NONE)
			continue;
		assert_true(able[p->t.writer + 1]);
		if (was != PEL_NONE && p->t.writer != was && word[1] == 'a' &&
			word[0] == (char)('1' + was) && !firm &&
			p->t.members[was].health < PEL_HEALTH_STALLED)
			fail_msg("seed %u word %u: %s leaves the writer", seed, i, word);
	}
	free(p);
}

static void one_of_many_holds(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 600; seed++)
		run(seed, 200);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(what_is_open_is_an_alarm),
		cmocka_unit_test(one_of_many_holds),
	};

	return table_run("topology, one of many", TABLE_OF(rows, holds, others), NULL, NULL);
}
