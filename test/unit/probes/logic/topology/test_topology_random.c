/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for a topology whatever it is fed: random words (topology_script.h), one by one, and
 * after each of them the invariants that routing and severing rely on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/topology/state.h"
#include "topology_script.h"

/* clang-format off */
static const char *const words[] = {
	"1w", "2w", "3w", "4w", "1r", "2r", "3r", "4r", "1w@40", "2r@300", "3w@2000",
	"1e", "2e", "3e", "1h", "2h", "3h", "4h", "1h#5~b", "2h=7", "3h~c", "1x", "2x", "3x", "4x",
	"1u", "2u", "3u", "1o", "2o", "3o", "4o", "1p", "2p", "1s", "3s",
	"2t:1,2,3", "3t:1,2,3,4", "1t:1M,2,3", "2t:2M,1,3", "3t:1,2,3", "1t:1M,2M+900,3,4", "2t5000:3M,1", "3tx:2M,9", "1t!:1M",
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
		"1e", "2e", "1h", "2h", "1t100:1M,2,3,4", "2t100:2M,1,3,4", "3t100:1M,2,3,4",
		"3t100:2M,1,3,4", "4t100:1M,2,3,4", "4t100:2M,1,3,4", "3t100:1M,2M+20,3,4", "1?",
		"2?", "1p", "2p", "1o", "2o", "3r", "4r", "+1", "+20", "+60", "+250", "+1000"};
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

/* What each member said of itself, and when, kept beside the topology. */
struct said {
	uint64_t first_ns, claim_ns; /* its claims without a break, the first and the last */
	uint64_t recant_ns;          /* when it last said reader */
	uint64_t unsaid_ns,
		error_ns; /* since when it answers with errors alone; the last of them */
};

static void said_note(struct said *s, char word, uint64_t now_ns)
{
	switch (word) {
	case 'w':
		s->first_ns = s->first_ns ? s->first_ns : now_ns;
		s->claim_ns = now_ns;
		s->unsaid_ns = 0;
		break;
	case 'e':
		s->error_ns = now_ns;
		s->unsaid_ns = s->unsaid_ns ? s->unsaid_ns : now_ns;
		if (now_ns >= s->unsaid_ns + TOPOLOGY_CLAIM_NS)
			s->first_ns = 0;
		break;
	case 'r':
		s->recant_ns = now_ns;
		s->first_ns = s->unsaid_ns = 0;
		break;
	case 'x':
	case 'h':
		s->first_ns = s->unsaid_ns = 0;
		break;
	}
}

/* Who is published has claimed since it last recanted, and does so still unless it is out of sight. */
static void check_published(const struct play *p, const struct said *said)
{
	const struct topology_member *w = topology_member(&p->t, p->t.writer);
	const struct said *s = w ? &said[w->id[5] - '0'] : NULL;

	if (!w)
		return;
	assert_true(s->claim_ns > s->recant_ns);
	assert_false(w->twin);
	if (w->live)
		assert_true(!s->unsaid_ns || s->error_ns < s->unsaid_ns + TOPOLOGY_CLAIM_NS);
	else
		assert_true(p->now < s->claim_ns + TOPOLOGY_HOLD_NS);
}

/*
 * Where there is no witness nobody is published while two go on claiming: both have said so since
 * the last of all claims began, and since somebody was last published.
 */
static void check_undisputed(struct play *p, const struct said *said, uint64_t since_ns)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= 4; i++)
		since_ns = said[i].first_ns > since_ns ? said[i].first_ns : since_ns;
	for (unsigned i = 1; i <= 4; i++) {
		const struct topology_member *m = topology_member(&p->t, play_slot(p, i));

		n += m && m->self_role == PEL_ROLE_WRITER && !m->twin &&
			m->health != PEL_HEALTH_UNREACHABLE &&
			said[i].claim_ns > since_ns + PLAY_MS;
	}
	if (n >= 2)
		assert_int_equal(p->t.writer, PEL_NONE);
}

/* A coordinator names these of the four, by bits. */
static unsigned name_them(struct play *p, unsigned set)
{
	struct evidence_host words_of[4] = {{.port = 0}};
	unsigned n = 0;

	for (unsigned i = 1; i <= 4; i++) {
		if (set & (1u << i))
			(void)snprintf(words_of[n++].host, PEL_NAME_MAX, "demo-%u.example.com", i);
	}
	return topology_feed_words(&p->t, words_of, n, p->now);
}

/* Without a table: members of the configuration or of a coordinator; 4 is 1 at another address. */
static struct play *plain_new(bool named)
{
	struct play *p = play_new(&(struct topology_config){.has_table = false});
	char host[32];

	for (unsigned n = 1; n <= 4 && !named; n++) {
		(void)snprintf(host, sizeof(host), "demo-%u.example.com", n);
		(void)topology_add_member(&p->t, host, 0, p->now);
	}
	if (named)
		(void)name_them(p, 0x1e);
	play(p, "names 1d:1 2d:2 3d:3 4d:4 1h 1w 1o 2h 2r 2o 3h 3r 3o 4h~1 4w 4o");
	return p;
}

static bool is_one_server(const struct topology_member *a, const struct topology_member *b)
{
	return a->uuid[0] && strcmp(a->uuid, b->uuid) == 0 &&
		!(a->self_role && b->self_role && a->self_role != b->self_role);
}

/* Each server is shown once, and whom a coordinator names no more only while it claims. */
static void check_shown(struct play *p, const struct pel_hot *hot)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(&p->t, i);

		if (!m)
			continue;
		shown += !m->twin;
		assert_true(m->configured || m->named || m->claim_ns || i == p->t.writer ||
			m->role != PEL_ROLE_READER ||
			topology_admission(&p->t, m) == PEL_ADMIT_HELD);
		for (unsigned k = 0; k < i; k++)
			assert_false(p->t.members[k].used && !m->twin && !p->t.members[k].twin &&
				is_one_server(m, &p->t.members[k]));
	}
	assert_int_equal(hot->n_instances, shown);
}

static void run_plain(unsigned seed, unsigned n)
{
	static const char *const plain[] = {"1w", "1w", "2w", "3w", "4w", "1r", "2r", "3r", "4r",
		"1e", "2e", "3e", "4e", "1x", "2x", "3x", "4x", "1h", "2h", "3h", "4h~1", "4h~2",
		"4h~1", "1u", "2u", "4u", "1o", "2o", "3o", "4o", "1p", "2s", "+1", "+60", "+250",
		"+1000", "+5000", "+31000", "+70000"};
	struct play *p = plain_new(seed % 2);
	struct said said[5] = {0};
	uint64_t since_ns = p->now; /* when somebody was last published anew */
	struct pel_hot hot;
	static struct pel_cold cold;

	srand(seed);
	for (unsigned i = 1; i <= 4; i++)
		said_note(&said[i], i == 1 || i == 4 ? 'w' : 'r', p->now);
	for (unsigned i = 0; i < n; i++) {
		const char *word = plain[(unsigned)rand() % (sizeof(plain) / sizeof(*plain))];
		struct before was = look(p);
		const struct topology_member *m =
			topology_member(&p->t, play_slot(p, (unsigned)(*word - '0')));

		if (m && (m->live || word[1] == 'h'))
			said_note(&said[*word - '0'], word[1], p->now + PLAY_MS);
		play_word(p, word);
		if (seed % 2 && rand() % 16 == 0)
			play_note(p, name_them(p, 2 * (1u + (unsigned)rand() % 15)));
		topology_view(&p->t, &hot, &cold, NULL);
		check_writer(&hot);
		check_published(p, said);
		check_undisputed(p, said, since_ns);
		check_shown(p, &hot);
		if (p->t.writer != was.writer) {
			assert_true(p->bits & TOPOLOGY_SEVER);
			since_ns = p->t.writer == PEL_NONE ? since_ns : p->now;
		}
	}
	free(p);
}

static void plain_members_hold(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 600; seed++)
		run_plain(seed, 200);
}

/* The latest term that anybody has told, but `but`; the live alone, or all. */
static uint64_t latest_term(const struct play *p, unsigned but, bool live)
{
	uint64_t latest = live ? 0 : p->t.term.count;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(&p->t, i);

		if (m && i != but && m->term.count > latest &&
			(!live || (m->live && m->health != PEL_HEALTH_UNREACHABLE)))
			latest = m->term.count;
	}
	return latest;
}

/*
 * Where servers tell terms: who becomes the writer is of no earlier term than any member that is live, nor
 * than any writer before, as long as the next is awaited; and who claims with the latest of all is the writer at once.
 */
static void run_terms(unsigned seed, unsigned n)
{
	static const char *const more[] = {"1x", "2x", "3x", "1h", "2h", "3h", "1h", "2h", "3h",
		"1u", "2u", "3u", "1o", "2o", "3o", "1p", "2e", "3e", "1?", "+1", "+20", "+60",
		"+250", "+1000", "+5000", "+31000"};
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	uint64_t newest = 1, served = 1;
	struct pel_hot hot;
	static struct pel_cold cold;
	char word[16];

	srand(seed);
	play(p, "up3 1w^1 2r^1 3r^1");
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 1 + (unsigned)rand() % 3, slot = play_slot(p, k);
		struct before was = look(p);
		bool claims = rand() % 3 == 0;

		newest += rand() % 12 == 0;
		(void)snprintf(word, sizeof(word), "%u%c^%u", k, claims ? 'w' : 'r',
			(unsigned)(newest > 3 ? newest - (unsigned)rand() % 3 : newest));
		if (rand() % 2)
			(void)snprintf(word, sizeof(word), "%s",
				more[(unsigned)rand() % (sizeof(more) / sizeof(*more))]);
		play_word(p, word);
		topology_view(&p->t, &hot, &cold, NULL);
		check_writer(&hot);
		assert_true(((p->bits & TOPOLOGY_SEVER) != 0) ==
			(look(p).generation != was.generation));
		/* Nobody was awaited any more: it may be a group that was begun anew. */
		if (p->t.state == PEL_STATE_UNKNOWN || strcmp(word, "+31000") == 0)
			served = 0;
		if (p->t.writer != was.writer && p->t.writer != PEL_NONE) {
			assert_true(p->t.term.count >= served);
			assert_true(p->t.term.count >= latest_term(p, p->t.writer, true));
			served = p->t.term.count;
		}
		if (word[1] == 'w' && p->t.members[slot].live && p->t.members[slot].routable &&
			p->t.members[slot].health != PEL_HEALTH_UNREACHABLE &&
			p->t.members[slot].term.count > latest_term(p, slot, false) &&
			p->t.writer != slot)
			fail_msg("seed %u word %u: %s", seed, i, word);
	}
	free(p);
}

static void the_latest_term_decides(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 600; seed++)
		run_terms(seed, 200);
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
			"1d:1 2d:2 3d:3 1x 2x 3x 4x 1h 2h 3h 4h 1r 2r 3r 4r 1o 2o 3o 1t:1,2,3 3w +60 3w +60 "
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
		cmocka_unit_test(plain_members_hold),
		cmocka_unit_test(the_latest_term_decides),
		cmocka_unit_test(who_claims_alone_is_published),
	};

	return cmocka_run_group_tests_name("topology, random", tests, NULL, NULL);
}
