/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terms: fencing tokens, where servers have them.
 *
 * A member of an earlier term than that of the last writer, or of another that is live, has not heard
 * what became of its cluster: what it claims is void, be it for as long as it takes it to notice.
 * Members of one cluster do not come to a new term in one moment, so the writer alone is given time to
 * follow those that claim nothing, as long as it answers, and does not say itself that its group is
 * about to change: no member tells of a formation before all of it have formed it.
 *
 * Terms of different eras say nothing of each other: another era is a cluster that was begun anew,
 * perhaps by a single member and by mistake.  As long as members tell of both, what either group says
 * unnames nobody.
 */
#include "state.h"

bool topology_is_earlier(const struct evidence_term *a, const struct evidence_term *b)
{
	return a->count && b->count && a->era == b->era && a->count < b->count;
}

/*
 * The group of the other was about to change, and has changed, and the member's was not: a formation is
 * of those who went through that together.
 */
static bool is_apart(const struct topology_member *m, const struct topology_member *other)
{
	return other->unsettled_ns > m->unsettled_ns + TOPOLOGY_VETO_NS &&
		other->unsettled_ns + TOPOLOGY_REACH_NS > other->term_ns;
}

bool topology_is_outdated(const struct topology *t, const struct topology_member *m)
{
	if (topology_is_earlier(&m->term, &t->term))
		return true;
	for (unsigned i = 0; m->term.count && i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *o = &t->members[i];

		if (!o->used || !o->live || o->health == PEL_HEALTH_UNREACHABLE ||
			!topology_is_earlier(&m->term, &o->term))
			continue;
		if (o->claim_ns || m != topology_member(t, t->writer) ||
			m->health >= PEL_HEALTH_STALLED ||
			(m->unsettled && m->role_sent_ns >= o->term_ns) || is_apart(m, o) ||
			m->role_sent_ns >= o->term_ns + TOPOLOGY_VETO_NS)
			return true;
	}
	return false;
}

bool topology_is_behind(const struct topology *t, const struct evidence_term *term)
{
	if (topology_is_earlier(term, &t->term))
		return true;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *o = &t->members[i];

		if (o->used && o->live && topology_is_earlier(term, &o->term))
			return true;
	}
	return false;
}

bool topology_is_apart(const struct topology *t, const struct evidence_term *term)
{
	for (unsigned i = 0; term->count && i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *o = &t->members[i];

		if (o->used && o->live && o->term.count && o->term.era != term->era)
			return true;
	}
	return false;
}
