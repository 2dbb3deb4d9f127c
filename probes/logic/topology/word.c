/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What third parties say of members: a coordinator, or, where servers know each other's hosts, a
 * server.
 *
 * Its word makes members: they are resolved, logged in to, and asked, as those of the configuration
 * are.  It makes nobody the writer, as long as there is anything to log in with: the member itself
 * does that, and a coordinator that lies only has one more instance asked.
 *
 * Without any credential nobody can be asked.  Then, and only until somebody answers a login, the
 * word is all there is besides DNS, and whoever configured the coordinator wants it followed: the
 * primary that it names is the writer, and members are routable where their hosts lead.  A word
 * that names nobody is that of a coordinator that is dead: its members stay, and nothing else.
 * What a server tells is no such word: it can be asked.
 *
 * Of lists that have no terms the writer's is the newest: while it can be asked no other counts, and
 * without one no list unnames anybody but those that are long gone.
 *
 * A writer that tells its replicas does not tell itself, and believes whoever may replicate.  They are
 * met inside `allowed-hosts` alone; who takes writes all the time, as no replica should, claims nothing
 * by it; and who has nobody at all, as after a restart, says of nobody that he is gone, but of those
 * that have long been.
 */
#include "state.h"

#include "common/names.h"

#include <string.h>

/* The member that a word is of: at its host and port; where servers tell ids, else of that label. */
static unsigned find_named(const struct topology *t, const struct evidence_host *word)
{
	unsigned slot = topology_find_host(t, word->host, word->port);
	size_t n = strcspn(word->host, ".");
	char label[PEL_ID_MAX] = "";

	if (slot != PEL_NONE || !t->config.has_table || n >= sizeof(label))
		return slot;
	memcpy(label, word->host, n);
	return topology_find(t, label);
}

static unsigned take(struct topology *t, const struct evidence_host *word, uint64_t now_ns)
{
	unsigned slot = find_named(t, word), bits = 0;
	uint16_t port = word->port ? word->port : t->config.port;
	struct topology_member *m;

	if (slot == PEL_NONE) {
		slot = topology_slot_at(t, word->host, port, now_ns);
		bits = TOPOLOGY_MEMBERS | TOPOLOGY_EPOCH;
	}
	if (slot == PEL_NONE)
		return 0;
	m = &t->members[slot];
	m->word_role = (uint8_t)word->role;
	m->named = true;
	m->away = word->away;
	if (m->configured || (m->port == port && strcmp(m->host, word->host) == 0))
		return bits;
	m->port = port;
	memcpy(m->host, word->host, sizeof(m->host));
	return bits | TOPOLOGY_MEMBERS;
}

#define WHOLE 1u /* who is not among them is named no more */
#define OPEN 2u  /* who is new becomes a member */

static unsigned take_all(struct topology *t, const struct evidence_host *words, unsigned n,
	unsigned how, uint64_t now_ns)
{
	unsigned bits = TOPOLOGY_DATA;

	t->named_ns = n ? now_ns : t->named_ns;
	for (unsigned i = 0; (how & WHOLE) && n && i < PEL_MAP_INSTANCES; i++) {
		t->members[i].named = false;
		t->members[i].word_role = PEL_ROLE_UNKNOWN;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned slot = find_named(t, &words[i]);

		if (slot == PEL_NONE)
			continue;
		t->members[slot].named = true;
		t->members[slot].listed_ns = now_ns;
	}
	bits |= topology_forget(t); /* before those that are new, which may get its label */
	for (unsigned i = 0; i < n; i++) {
		if ((how & OPEN) || find_named(t, &words[i]) != PEL_NONE)
			bits |= take(t, &words[i], now_ns);
	}
	return bits;
}

/* Whom no list has any more, for long, and who does not answer. */
static unsigned forget_long_gone(struct topology *t, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (m->used && !m->live && now_ns - m->listed_ns > TOPOLOGY_ABSENT_NS)
			m->named = false;
	}
	return topology_forget(t);
}

unsigned topology_take_words(struct topology *t, const struct evidence_host *words, unsigned n,
	uint64_t now_ns)
{
	t->word_ns = n ? now_ns : 0;
	return take_all(t, words, n, WHOLE | OPEN, now_ns);
}

unsigned topology_take_hosts(struct topology *t, unsigned slot, const struct evidence *e)
{
	const struct topology_member *w = topology_member(t, t->writer);
	bool elder = e->term.count || (w && slot == t->writer);
	bool whole = elder && !e->is_cut && !topology_is_apart(t, &e->term);
	unsigned bits;

	if (topology_is_behind(t, &e->term) || (!elder && w && w->live))
		return 0;
	bits = topology_judge_oddity(t, e->n_refused);
	if (e->n_hosts == 0)
		return bits;
	bits |= take_all(t, e->hosts, e->n_hosts, OPEN | (whole ? WHOLE : 0), e->received_ns);
	return elder ? bits : bits | forget_long_gone(t, e->received_ns);
}

/* Who is told is looked up and logged in to: new ones not all the time, be the list made up. */
static unsigned find_all(struct topology *t, const struct evidence *e)
{
	bool open = e->received_ns >= t->found_ns;
	unsigned bits = take_all(t, e->hosts, e->n_hosts,
		(e->is_cut ? 0 : WHOLE) | (open ? OPEN : 0), e->received_ns);

	for (unsigned i = 0; i < e->n_hosts; i++) {
		unsigned at = topology_find_host(t, e->hosts[i].host, e->hosts[i].port);

		if (at == PEL_NONE || at == t->writer || t->members[at].configured)
			continue;
		if (!t->members[at].found)
			t->found_ns = e->received_ns + TOPOLOGY_FOUND_NS;
		t->members[at].found = true;
	}
	return bits;
}

unsigned topology_take_replicas(struct topology *t, unsigned slot, const struct evidence *e)
{
	unsigned bits;

	if (slot != t->writer)
		return 0;
	/* Those of its first list were there before, and are not new. */
	t->known_once = t->named_ns != 0;
	bits = topology_judge_oddity(t, e->n_refused) |
		(e->n_hosts ? find_all(t, e) : forget_long_gone(t, e->received_ns));
	t->known_once = true;
	t->named_ns = e->received_ns;
	t->members[slot].named = true;
	t->members[slot].listed_ns = e->received_ns;
	return bits;
}

unsigned topology_take_kept(struct topology *t, const struct evidence *e)
{
	unsigned bits = take_all(t, e->hosts, e->n_hosts, OPEN, e->received_ns);

	for (unsigned i = 0; i < e->n_hosts; i++) {
		unsigned at = topology_find_host(t, e->hosts[i].host, e->hosts[i].port);

		if (at != PEL_NONE)
			t->members[at].found = t->members[at].was_reader = true;
	}
	return bits;
}

/* What was taken on a word is taken back: from now on logins decide. */
static void take_back(struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (m->used && !m->live) {
			m->routable = false;
			m->role = PEL_ROLE_UNKNOWN;
		}
	}
}

static void believe(struct topology_member *m)
{
	m->admission = m->admission_forced ? m->admission : PEL_ADMITTED;
	m->routable = m->want.family != 0;
	m->role = m->word_role;
	if (!m->routable)
		return;
	m->addr = m->want;
	m->addr.port = m->addr.port ? m->addr.port : m->port;
	m->identity = topology_identity(m);
}

void topology_conclude_words(struct topology *t)
{
	bool alone =
		t->word_ns && t->told_why == PEL_WHY_NO_CREDENTIALS && !topology_is_anyone_live(t);

	if (t->word_alone && !alone)
		take_back(t);
	t->word_alone = alone;
	for (unsigned i = 0; alone && i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && t->members[i].named)
			believe(&t->members[i]);
	}
}

unsigned topology_word_writer(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (m->used && m->named && m->routable && m->word_role == PEL_ROLE_WRITER)
			return i;
	}
	return PEL_NONE;
}
