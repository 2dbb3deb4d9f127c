/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for a topology whatever it is fed: random words (topology_script.h), one by one, and
 * after each of them the invariants that routing and severing rely on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "topology_script.h"

/* clang-format off */
static const char *const words[] = {
	"1w", "2w", "3w", "4w", "1r", "2r", "3r", "4r", "1w@40", "2r@300", "3w@2000",
	"1h", "2h", "3h", "4h", "1h#5~b", "2h=7", "3h~c", "1x", "2x", "3x", "4x",
	"1u", "2u", "3u", "1o", "2o", "3o", "4o", "1p", "2p", "1s", "3s",
	"1t:1M,2,3", "2t:2M,1,3", "3t:1,2,3", "1t:1M,2M+900,3,4", "2t5000:3M,1", "3tx:2M,9", "1t!:1M",
	"1t*:2M,1?", "4t0:4M,3L900", "1d:1", "2d:2", "3d:3", "4d:4", "2d:6", "1d:5", "1d:8,9",
	"w:1", "w:2", "w:5", "w/50:6", "q:2", "q:3,4", "c:2", "c:3,9", "scout:1,w,t:1M,2,3",
	"scout:2,r,t:1M,2", "scout:1#5~b,w,t:1M,2", "scout:5,r,t:5,1M", "refused",
	"why:denied", "why:nocred", "why:none", "why:nocluster", "hold:2", "admit:2", "warm:3",
	"+1", "+20", "+250", "+300", "+1000", "+5000", "+31000", "+70000",
};
/* clang-format on */

#define N_WORDS (sizeof(words) / sizeof(*words))

/* What was seen before the word. */
struct before {
	uint64_t generation, epoch;
	uint8_t state, writer;
	uint64_t identity; /* the writer's */
};

static struct before look(const struct play *p)
{
	const struct topology_member *w = topology_member(&p->t, p->t.writer);

	return (struct before){p->t.generation, p->t.epoch, p->t.state, p->t.writer,
		w ? w->identity : 0};
}

static void check_writer(const struct pel_hot *hot)
{
	for (unsigned i = 0; i < hot->n_instances; i++)
		assert_true((hot->instances[i].role == PEL_ROLE_WRITER) == (i == hot->writer));
	if (hot->writer == PEL_NONE) { /* known without one: readers alone, and nobody claims */
		for (unsigned i = 0; hot->state == PEL_STATE_KNOWN && i < hot->n_instances; i++)
			assert_true(hot->instances[i].self_role != PEL_ROLE_WRITER ||
				hot->instances[i].health == PEL_HEALTH_UNREACHABLE);
		return;
	}
	assert_int_equal(hot->state, PEL_STATE_KNOWN);
	assert_int_not_equal(hot->instances[hot->writer].self_role, PEL_ROLE_READER);
	assert_int_not_equal(hot->instances[hot->writer].health, PEL_HEALTH_UNREACHABLE);
	assert_true(hot->instances[hot->writer].flags & PEL_INST_ROUTABLE);
	assert_int_equal(hot->writerless_ns, 0);
	assert_int_equal(hot->why, PEL_WHY_NONE);
	assert_int_equal(hot->dns_only, 0);
}

static void check_change(const struct play *p, const struct before *was, unsigned word)
{
	struct before is = look(p);
	bool moved = is.generation != was->generation;

	assert_true(is.generation >= was->generation && is.epoch >= was->epoch);
	if (is.writer != was->writer || is.identity != was->identity)
		assert_true(moved);
	if (is.state != was->state)
		assert_true(is.epoch != was->epoch);
	/* Time and tables alone make no writer. */
	if (is.writer != was->writer && is.writer != PEL_NONE && words[word][1] == 't')
		assert_true(p->t.members[is.writer].self_role == PEL_ROLE_WRITER);
	assert_true(((p->bits & TOPOLOGY_SEVER) != 0) == moved);
}

static void run(unsigned seed, unsigned n)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true,
		.max_lag_ms = 500,
		.admit_stable_ms = 10000,
		.admit_max_lag_ms = 500});
	static struct pel_cold cold;
	struct pel_hot hot;

	srand(seed);
	play(p, seed % 2 ? "names" : "up3");
	for (unsigned i = 0; i < n; i++) {
		unsigned word = (unsigned)rand() % N_WORDS;
		struct before was = look(p);

		play_word(p, words[word]);
		topology_view(&p->t, &hot, &cold, NULL);
		check_writer(&hot);
		check_change(p, &was, word);
		assert_true(topology_deadline(&p->t) <= p->now + TOPOLOGY_TICK_NS);
	}
	free(p);
}

static void short_lives_hold(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 600; seed++)
		run(seed, 60);
}

static void long_lives_hold(void **state)
{
	(void)state;
	for (unsigned seed = 1001; seed <= 1010; seed++)
		run(seed, 3000);
}

/*
 * Two that go on claiming, whatever is lost, told or late between: the published writer alternates
 * twice in ten seconds at most, and nobody is published who did not claim after it was last asked.
 */
static void run_dispute(unsigned seed, unsigned n)
{
	static const char *const claims[] = {"1w", "2w", "1w", "2w", "1w@40", "2w@40", "1x", "2x",
		"1h", "2h", "1t100:1M,2,3,4", "2t100:2M,1,3,4", "3t100:1M,2,3,4", "3t100:2M,1,3,4",
		"4t100:1M,2,3,4", "4t100:2M,1,3,4", "3t100:1M,2M+20,3,4", "1?", "2?", "1p", "2p",
		"1o", "2o", "3r", "4r", "+1", "+20", "+60", "+250", "+1000"};
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	uint64_t changed[4] = {0};
	uint8_t last;

	srand(seed);
	play(p, "up4");
	last = p->t.writer;
	for (unsigned i = 0; i < n; i++) {
		const char *word = claims[(unsigned)rand() % (sizeof(claims) / sizeof(*claims))];

		play_word(p, word);
		if (p->t.writer == PEL_NONE || p->t.writer == last)
			continue;
		last = p->t.writer;
		assert_int_equal(p->t.members[last].self_role, PEL_ROLE_WRITER);
		memmove(changed + 1, changed, sizeof(changed) - sizeof(*changed));
		changed[0] = p->now;
		if (changed[3] != 0 && changed[0] < changed[3] + 10000 * PLAY_MS)
			fail_msg("seed %u word %u: three alternations in %u ms", seed, i,
				(unsigned)((changed[0] - changed[3]) / PLAY_MS));
	}
	free(p);
}

static void disputes_do_not_alternate(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 400; seed++)
		run_dispute(seed, 400);
}

/* One that claims alone, on a connection that lasts, is published within a second. */
static void who_claims_alone_is_published(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 600; seed++) {
		struct play *p = play_new(&(struct topology_config){.has_table = true});

		srand(seed);
		play(p, "up3");
		for (unsigned i = 0; i < 40; i++)
			play_word(p, words[(unsigned)rand() % N_WORDS]);
		play(p,
			"1d:1 2d:2 3d:3 1x 2x 3x 4x 1h 2h 3h 1r 2r 3r 1o 2o 3o 1t:1,2,3 3w +60 3w +60 "
			"3w +800 3w");
		if (play_slot(p, 3) != PEL_NONE && p->t.members[play_slot(p, 3)].routable)
			assert_int_equal(p->t.writer, play_slot(p, 3));
		free(p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_lives_hold),
		cmocka_unit_test(long_lives_hold),
		cmocka_unit_test(disputes_do_not_alternate),
		cmocka_unit_test(who_claims_alone_is_published),
	};

	return cmocka_run_group_tests_name("topology, random", tests, NULL, NULL);
}
