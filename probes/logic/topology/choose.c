/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of many.
 *
 * Where each member may be written to, writes on two of them collide.  So one of those that are
 * able is chosen, and claims for all others; they count as readers.  To the rules of confirm.c
 * that is a cluster with a single writer.
 *
 * The writer stays the chosen one as long as it is able, of no earlier term than others, not
 * silent while its group changes, and does not only age for long while another does not; and,
 * out of sight, as long as any writer would.  Nobody who comes back takes its place.
 *
 * Else the first of those is chosen who say that they are able, and have said so since the
 * writer was lost: whom an earlier daemon had chosen or the fleet follows; who does not only
 * age; by the order of the configuration; by host and port.  That is the same for daemons that
 * see the same.  Who would come first and may be about to answer is waited for a moment, at the
 * start a longer one, for nobody was logged in to before.
 *
 * Daemons that began at different times need not have chosen the same: of a fleet those who
 * follow choose as the one that leads, who is able in their own eyes, but change no more than
 * once in a while for its word.
 */
#include "state.h"

#include <string.h>

#define FIRST_NS UINT64_C(500000000) /* the first choice waits so long for an earlier one */
#define FRESH_NS UINT64_C(60000000)  /* what was said so long ago is as good as said now */
#define AGES_NS UINT64_C(2000000000) /* the writer may only age so long: it gives to who joins */
#define WISH_NS UINT64_C(5000000000) /* it changes for the fleet's word no more often */

static bool is_fit(const struct topology *t, const struct topology_member *m)
{
	return m->used && !m->twin && m->able && m->routable && !m->refuses &&
		m->health != PEL_HEALTH_UNREACHABLE && !topology_is_outdated(t, m);
}

/* It is not silent, and has said since then that it is able. */
static bool is_ready(struct topology *t, const struct topology_member *m, uint64_t since_ns,
	uint64_t now_ns)
{
	return is_fit(t, m) && m->health < PEL_HEALTH_STALLED && m->role_sent_ns >= since_ns &&
		topology_within(t, m->role_received_ns, TOPOLOGY_REACH_NS, now_ns);
}

static bool is_anyone_well(struct topology *t, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (!t->members[i].stopped && is_ready(t, &t->members[i], 0, now_ns))
			return true;
	}
	return false;
}

/* It is silent, and its group is about to go on without it, or has. */
static bool is_left_behind(const struct topology *t, const struct topology_member *w)
{
	bool any = topology_is_outdated(t, w);

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		any |= i != t->writer && is_fit(t, &t->members[i]) && t->members[i].unsettled;
	return any && w->health >= PEL_HEALTH_STALLED;
}

static bool is_kept(struct topology *t, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, t->writer);

	if (w && is_left_behind(t, w))
		return false;
	if (!w || !is_fit(t, w))
		return w && topology_is_held(t, t->writer, now_ns);
	return !w->stopped || topology_within(t, w->well_ns, AGES_NS, now_ns) ||
		!is_anyone_well(t, now_ns);
}

static bool is_wished(const struct topology *t, const struct topology_member *m)
{
	return strcmp(m->id, t->wish.id) == 0;
}

/* Whether a is to be chosen rather than b. */
static bool is_before(const struct topology *t, unsigned a, unsigned b)
{
	const struct topology_member *ma = &t->members[a], *mb = &t->members[b];
	int order;

	if (is_wished(t, ma) != is_wished(t, mb))
		return is_wished(t, ma);
	if (ma->stopped != mb->stopped)
		return mb->stopped;
	if (ma->configured != mb->configured)
		return ma->configured;
	order = ma->configured ? 0 : strcmp(ma->host, mb->host);
	if (order == 0 && !ma->configured)
		order = (int)ma->port - (int)mb->port;
	return order ? order < 0 : a < b;
}

/* It may be about to say that it is able. */
static bool is_awaited(const struct topology_member *m, uint64_t since_ns)
{
	return m->used && !m->twin && !m->refuses && m->health < PEL_HEALTH_STALLED &&
		(!m->live || m->role_sent_ns < since_ns);
}

/* Whom to choose in place of a writer that is lost, or at first; or PEL_NONE. */
static unsigned best(struct topology *t, uint64_t now_ns)
{
	bool first = t->writer == PEL_NONE && t->writerless_ns <= t->started_ns;
	uint64_t lost_ns = t->writer == PEL_NONE ? t->writerless_ns : t->left_ns;
	uint64_t since_ns = first ? t->started_ns : lost_ns - FRESH_NS;
	unsigned chosen = PEL_NONE;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (is_ready(t, &t->members[i], since_ns, now_ns) &&
			(chosen == PEL_NONE || is_before(t, i, chosen)))
			chosen = i;
	}
	for (unsigned i = 0; chosen != PEL_NONE && i < PEL_MAP_INSTANCES; i++) {
		if (is_awaited(&t->members[i], since_ns) && is_before(t, i, chosen) &&
			topology_within(t, first ? since_ns : lost_ns,
				first ? FIRST_NS : TOPOLOGY_WAIT_NS, now_ns))
			return PEL_NONE;
	}
	return chosen;
}

/* Whom the fleet follows instead, and who has said since then that it is able; or PEL_NONE. */
static unsigned other(struct topology *t, uint64_t now_ns)
{
	struct topology_wish *wish = &t->wish;
	unsigned slot = wish->firm ? topology_find(t, wish->id) : PEL_NONE;
	const struct topology_member *m = topology_member(t, slot);

	if (!m || slot == t->writer || m->stopped || !is_ready(t, m, wish->since_ns, now_ns) ||
		(wish->moved_ns && topology_within(t, wish->moved_ns, WISH_NS, now_ns)))
		return PEL_NONE;
	wish->moved_ns = now_ns;
	return slot;
}

static void claim(struct topology_member *m, uint64_t now_ns)
{
	if (!m->claim_ns)
		m->claim_ns = now_ns;
	m->self_role = PEL_ROLE_WRITER;
	m->unretracted = true;
}

/* Who is out of sight may have been the writer: it will be asked before it is again. */
static void recant(struct topology_member *m)
{
	if (m->able)
		m->self_role = PEL_ROLE_READER;
	m->claim_ns = 0;
	m->overruled = m->unretracted = false;
}

static bool is_anyone_able(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && t->members[i].able)
			return true;
	}
	return false;
}

void topology_choose(struct topology *t, uint64_t now_ns)
{
	unsigned chosen, instead;
	bool kept;

	if (!is_anyone_able(t))
		return;
	kept = is_kept(t, now_ns);
	if (kept || t->writer == PEL_NONE)
		t->left_ns = 0;
	else if (!t->left_ns)
		t->left_ns = now_ns;
	chosen = kept ? t->writer : best(t, now_ns);
	instead = t->writer == PEL_NONE ? PEL_NONE : other(t, now_ns);
	if (instead != PEL_NONE)
		chosen = instead;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (m->used && i == chosen && m->able)
			claim(m, now_ns);
		else if (m->used && i != chosen && (m->able || m->self_role == PEL_ROLE_UNKNOWN))
			recant(m);
	}
	if (chosen != PEL_NONE && !t->wish.firm)
		t->wish.id[0] = '\0';
}
