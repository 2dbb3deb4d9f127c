/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names stay with a cluster, leave it, or take it along.
 *
 * Beside the words of topology_script.h: N:9 is an answer for an own name, with an address alone;
 * A:9 through our endpoint; O:9 through that of another cluster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "table.h"
#include "topology_script.h"

#define OWN_NAME "db.shop.example"

struct row {
	const char *title;
	const char *script; /* after up3 */
	char left;          /* the own name: '-' not, 'm' for a cluster that was met, 'u' unmet */
	const char *picture;
};

#define AWAY(letter) letter ":9 +300 " letter ":9 +300 " letter ":9 "
#define HERE "known 1W 2R 3R"

static const struct row rows[] = {
	{"a name that leads to a member stays", "N:1 +9000 N:2 +9000 O:3", '-', HERE},
	{"one that leads to an address alone leaves when another cluster is met there",
		AWAY("N") "scout:1#9~b,w,t:1M,2", 'm', HERE},
	{"... and so does one that leads through another cluster's endpoint",
		AWAY("O") "scout:1#9~b,w,t:1M,2", 'm', HERE},
	{"... also if that cluster has instances of the same names",
		AWAY("O") "scout:4#9~b,w,t:4M,1,2,3", 'm', HERE},
	{"... but not before DNS is steady", "O:9 scout:1#9~b,w,t:1M,2", '-', HERE},
	{"... and not where it leads home again", AWAY("O") "O:1 scout:1#9~b,w,t:1M,2", '-', HERE},
	{"a member that is met by another road keeps the name",
		AWAY("N") "scout:1#9,w,t:1M,2,3 +9000 N:9 +9000", '-', HERE},
	{"... until it is no member any more",
		AWAY("N") "scout:3#9,r,t:1M,2,3 3x 3u 1t:1M,2 +61000 1w 1t:1M,2 " AWAY(
			"N") "+4500 N:9",
		'u', "known 1W 2R"},
	{"a newcomer keeps the name", "N:4 +300 N:4 +300 N:4 scout:4,r,t:1M,2,3,4 +9000", '-',
		"known 1W 2R 3R 4Rx"},
	{"a name that leads to nobody who can be met leaves all the same", AWAY("O") "+4500 O:9",
		'u', HERE},
	{"... but not by one answer, after which DNS is silent", "O:9 +9000", '-', HERE},
	{"... nor if DNS fell silent since it was steady", AWAY("O") "+9000", '-', HERE},
	{"... nor where DNS alternates", "O:8 +2000 O:9 +2000 O:8 +2000 O:9 +2000 O:8 +2000 O:9",
		'-', HERE},
	{"... but not so soon", AWAY("O") "+4000 O:9", '-', HERE},
	{"... and not if it led home meanwhile", AWAY("O") "+4000 O:1 +300 " AWAY("O") "+4000", '-',
		HERE},
	{"an alias of our endpoint waits for it", AWAY("A") "+9000", '-', HERE},
	{"the own endpoint takes all along to where it leads",
		"w:9 +300 w:9 +300 w:9 scout:1#9~b,w,t:1M", '-', "known 1W"},
	{"... and the aliases of it", "A:1 w:9 +300 w:9 +300 w:9 scout:1#9~b,w,t:1M", '-',
		"known 1W"},
	{"... but no name that goes on leading to where it was",
		"N:1 w:9 +300 w:9 +300 w:9 scout:1#9~b,w,t:1M", 'm', "known 1W"},
	{"an own endpoint that leads to nobody who can be met does not outweigh who answers",
		"w:9 +300 w:9 +300 w:9 +4500 w:9 +60000 w:9", '-', HERE},
	{"... nor who was just heard of", AWAY("w") "1w +60000 w:9 1w 1x 2x 3x +4000 w:9", '-',
		HERE},
	{"... but where nobody is, nothing is known", "1x 2x 3x " AWAY("w") "+4500 w:9", '-',
		"unknown:starting"},
	{"... not before DNS is steady", "1x 2x 3x w:9 +9000", '-', HERE},
	{"... and the name that stays behind leaves", "N:1 1x 2x 3x " AWAY("w") "+4500 w:9", 'm',
		"unknown:starting"},
	{"... while there is no writer that is awaited", "w:9 +300 w:9 +300 w:9 1x 1u +6000 w:9",
		'-', "writerless 1?u 2R 3R"},
};

static void lead(struct play *p, unsigned addr, enum topology_bond bond)
{
	struct pel_addr where = play_addr(addr);
	const struct topology_dns dns = {.addrs = &where,
		.n_addrs = 1,
		.ttl_ms = 5000,
		.bond = bond};

	p->now += PLAY_MS;
	play_note(p, topology_feed_dns(&p->t, 3, &dns, p->now));
}

static void play_all(struct play *p, const char *script)
{
	static const char bonds[] = {[TOPOLOGY_BOND_OWN] = ' ', 'A', 'N', 'O', '\0'};
	char text[512], *rest = NULL;

	strcpy(text, script);
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		const char *bond = strchr(bonds, *w);

		if (bond)
			lead(p, (unsigned)atoi(w + 2), (enum topology_bond)(bond - bonds));
		else
			play(p, w);
	}
}

static struct play *up(void)
{
	static const struct topology_config config = {.has_table = true};
	struct play *p = play_new(&config);

	play(p, "up3");
	assert_int_equal(topology_add_name(&p->t, OWN_NAME, PEL_ROLE_WRITER, 0), 3);
	return p;
}

static void holds(void **state)
{
	const struct row *row = *state;
	struct play *p = up();
	const struct topology_name *n = &p->t.names[3];
	char text[128];

	play_all(p, row->script);
	assert_int_equal(!n->left ? '-' : n->met ? 'm' : 'u', row->left);
	assert_string_equal(play_picture(p, text, sizeof(text)), row->picture);
	for (unsigned i = 0; i < 3; i++)
		assert_false(topology_has_left(&p->t, i));
	free(p);
}

static void a_repointed_endpoint_is_not_late(void **state)
{
	struct pel_addr where = play_addr(9);
	const struct topology_dns dns = {.addrs = &where, .n_addrs = 1, .repointed = true};
	struct play *p = up();
	char text[128];

	(void)state;
	play_all(p, AWAY("w") "+4500");
	play_note(p, topology_feed_dns(&p->t, 0, &dns, ++p->now));
	assert_string_equal(play_picture(p, text, sizeof(text)), "unknown:starting");
	free(p);
}

static void a_late_endpoint_is_said_once(void **state)
{
	struct play *p = up();

	(void)state;
	play_all(p, AWAY("w") "+4500 w:9");
	assert_true(p->all & TOPOLOGY_AWAY);
	p->all = 0;
	play_all(p, "+1000 w:9 +1000 w:9");
	assert_false(p->all & TOPOLOGY_AWAY);
	play_all(p, "w:1 " AWAY("w") "+4500 w:9");
	assert_true(p->all & TOPOLOGY_AWAY);
	free(p);
}

static void a_place_is_free_again(void **state)
{
	struct play *p = up();
	static struct pel_cold cold;
	struct pel_hot hot;

	(void)state;
	play_all(p, "N:1");
	topology_remove_name(&p->t, 1);
	topology_view(&p->t, &hot, &cold, NULL);
	assert_int_equal(hot.n_names, 3);
	assert_string_equal(cold.names[2], OWN_NAME);
	assert_int_equal(hot.names[2].addrs[0].ip[3], 1);
	assert_int_equal(topology_add_name(&p->t, "new.example", PEL_ROLE_READER, 0), 1);
	assert_int_equal(p->t.n_names, 4);
	free(p);
}

static void a_name_that_moves_brings_its_addresses(void **state)
{
	struct play *from = up(), *to = up();
	const struct topology_name *n = &to->t.names[3];

	(void)state;
	play_all(from, "N:1 N:9");
	topology_remove_name(&to->t, 3);
	assert_int_equal(topology_adopt_name(&to->t, &from->t.names[3], PEL_ROLE_READER, to->now),
		3);
	assert_int_equal(n->role, PEL_ROLE_READER);
	assert_int_equal(n->n_latest, 1);
	assert_int_equal(n->seen[0].addr.ip[3], 9);
	assert_int_equal(n->moved_ns[0], to->now);
	free(from);
	free(to);
}

/* The endpoint's role, where the name leads through it three times in a row. */
static void an_alias_has_the_role_of_its_endpoint(void **state)
{
	static const struct {
		enum topology_bond bond;
		enum pel_role told, then;
	} answers[] = {
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_READER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_READER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_WRITER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_READER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_READER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_OTHER, PEL_ROLE_READER, PEL_ROLE_WRITER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_READER, PEL_ROLE_READER},
		{TOPOLOGY_BOND_NONE, PEL_ROLE_UNKNOWN, PEL_ROLE_READER},
		{TOPOLOGY_BOND_ALIAS, PEL_ROLE_WRITER, PEL_ROLE_READER},
	};
	struct play *p = up();

	(void)state;
	for (unsigned i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct pel_addr where = play_addr(1);
		const struct topology_dns dns = {.addrs = &where,
			.n_addrs = 1,
			.bond = answers[i].bond,
			.role = answers[i].told};

		(void)topology_feed_dns(&p->t, 3, &dns, p->now += PLAY_MS);
		assert_int_equal(p->t.names[3].role, answers[i].then);
	}
	free(p);
}

/* Two clusters whose addresses and uuids differ, a name that is with one of them, and DNS. */
struct world {
	struct play *sides[2];
	unsigned at;         /* with whom the name is */
	unsigned leads;      /* to whom DNS leads */
	uint64_t moved[256]; /* when the name moved */
	unsigned n_moved;
	unsigned arrived[2]; /* how often it came there */
	unsigned random;
};

static unsigned next_random(struct world *w)
{
	w->random = w->random * 1103515245 + 12345;
	return w->random >> 16;
}

static void follow_dns(struct world *w, bool can_meet)
{
	struct play *p = w->sides[w->at], *other = w->sides[!w->at];
	bool home = w->at == w->leads;

	lead(p, home ? 1 : 9, home ? TOPOLOGY_BOND_ALIAS : TOPOLOGY_BOND_OTHER);
	if (p->t.scout.family && can_meet)
		play(p, "scout:1#9~b,w,t:1M,2");
	if (!topology_has_left(&p->t, 3))
		return;
	assert_int_equal(topology_adopt_name(&other->t, &p->t.names[3], PEL_ROLE_WRITER,
				 other->now),
		3);
	topology_remove_name(&p->t, 3);
	w->at = !w->at;
	w->arrived[w->at]++;
	w->moved[w->n_moved++] = p->now;
}

/*
 * However DNS goes to and fro: two moves in ten seconds at most, sockets are judged once for each, and
 * nobody else is touched.
 */
static void no_name_alternates(void **state)
{
	unsigned moves = 0;
	char text[128];

	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct world w = {.sides = {up(), up()}, .random = seed};
		uint64_t began = w.sides[0]->t.generation;

		topology_remove_name(&w.sides[1]->t, 3);
		for (unsigned i = 0; i < 400 && w.n_moved < 256; i++) {
			if (next_random(&w) % (1 + seed % 20) == 0)
				w.leads = next_random(&w) % 2;
			follow_dns(&w, next_random(&w) % 4 != 0);
			play(w.sides[0], "+300 1w");
			play(w.sides[1], "+300 1w");
			w.sides[0]->now = w.sides[1]->now =
				w.sides[w.sides[0]->now < w.sides[1]->now]->now;
		}
		moves += w.n_moved;
		for (unsigned i = 2; i < w.n_moved; i++)
			assert_true(w.moved[i] >= w.moved[i - 2] + TOPOLOGY_MOVES_NS);
		for (unsigned i = 0; i < 2; i++) {
			assert_string_equal(play_picture(w.sides[i], text, sizeof(text)), HERE);
			assert_int_equal(w.sides[i]->t.generation, began + w.arrived[i]);
			for (unsigned k = 0; k < 3; k++)
				assert_false(topology_has_left(&w.sides[i]->t, k));
		}
		free(w.sides[0]);
		free(w.sides[1]);
	}
	assert_true(moves > 1000);
}

static void who_takes_the_names_over_is_learnt_anew(void **state)
{
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct evidence e = {.has = EVIDENCE_IDENTITY | EVIDENCE_ROLE | EVIDENCE_TABLE,
		.role = PEL_ROLE_WRITER,
		.from = play_addr(9),
		.rows = {.n = 1, .newest_us = PEL_AGE_UNKNOWN, .rows = {{.is_master = true}}}};
	uint64_t generation;
	unsigned slot, bits;

	(void)state;
	play(p, "names up3");
	generation = p->t.generation;
	/* The same id, and no uuid that would tell it from the one that is there, and alive. */
	strcpy(e.id, p->t.members[p->t.writer].id);
	strcpy(e.rows.rows[0].id, e.id);
	strcpy(e.uuid, p->t.members[p->t.writer].uuid);
	e.sent_ns = e.received_ns = p->now;
	bits = topology_feed_green(&p->t, &e, &slot);
	assert_true((bits & TOPOLOGY_SEVER) && (bits & TOPOLOGY_WRITER));
	assert_false(bits & TOPOLOGY_RELEARNT);
	assert_int_equal(p->t.generation, generation + 1);
	assert_int_equal(p->t.state, PEL_STATE_KNOWN);
	assert_int_equal(p->t.writer, slot);
	assert_memory_equal(&p->t.members[slot].addr, &e.from, sizeof(e.from));
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		assert_true(i == slot || !topology_member(&p->t, i));
	free(p);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_late_endpoint_is_said_once),
		cmocka_unit_test(a_repointed_endpoint_is_not_late),
		cmocka_unit_test(a_place_is_free_again),
		cmocka_unit_test(an_alias_has_the_role_of_its_endpoint),
		cmocka_unit_test(a_name_that_moves_brings_its_addresses),
		cmocka_unit_test(no_name_alternates),
		cmocka_unit_test(who_takes_the_names_over_is_learnt_anew),
	};

	return table_run("topology, bonds", TABLE_OF(rows, holds, others), NULL, NULL);
}
