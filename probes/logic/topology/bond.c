/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names belong to the cluster, as DNS is about to say.
 *
 * The cluster is where its own endpoint leads, and where the aliases of that endpoint do.  Any other
 * name belongs to it for as long as DNS leads it there.  One that leads steadily to an address at
 * which nobody is known here is asked after (dns.c, scout.c): it is ours by another road, or
 *
 *   leaves, alone   another cluster has been met there, or nobody for TOPOLOGY_AWAY_NS.  The caller
 *                   takes it away, to a cluster that is learnt from there.
 *
 * Where the own endpoint leads to another cluster, all is learnt anew from there, and the names that
 * do not lead there leave.  Where it leads to nobody who could be met, DNS may as well be late: it is
 * said, and nothing follows while a member is heard of.  Then, or where it has become an alias of
 * another endpoint, which is nobody's delay, nothing is known any more.
 *
 * DNS says all this by answers that agree and go on, not by one after which it is silent.
 */
#include "state.h"

bool topology_may_leave(struct topology *t, const struct topology_name *n, uint64_t now_ns)
{
	if (n->bond < TOPOLOGY_BOND_NONE || n->left || !t->config.has_table)
		return false;
	return !n->moved_ns[1] || !topology_within(t, n->moved_ns[1], TOPOLOGY_MOVES_NS, now_ns);
}

unsigned topology_leave(struct topology_name *n, bool met)
{
	n->left = true;
	n->met = met;
	return TOPOLOGY_LEFT;
}

void topology_forget_all(struct topology *t, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used)
			topology_slot_free(t, i);
	}
	t->table = (struct topology_table){.teller = PEL_NONE, .master = PEL_NONE};
	t->contest = (struct topology_contest){.chosen = PEL_NONE, .named = PEL_NONE};
	t->known_once = false;
	t->named_ns = t->found_ns = 0;
	t->term = (struct evidence_term){0};
	t->started_ns = now_ns;
	for (unsigned i = 0; i < t->n_names; i++)
		t->names[i].away_ns = 0;
}

unsigned topology_begin_anew(struct topology *t, const struct pel_addr *from, uint64_t now_ns)
{
	unsigned bits = TOPOLOGY_RELEARNT | TOPOLOGY_MEMBERS | TOPOLOGY_EPOCH;

	topology_forget_all(t, now_ns);
	for (unsigned i = 0; i < t->n_names; i++) {
		struct topology_name *n = &t->names[i];

		if (n->bond >= TOPOLOGY_BOND_NONE && !topology_same_addr(&n->lead, from))
			bits |= topology_leave(n, true);
	}
	return bits;
}

/* DNS has gone on to say that the name leads there, and still does. */
static bool is_away(struct topology *t, const struct topology_name *n, uint64_t now_ns)
{
	return n->away_ns && n->agree >= TOPOLOGY_STEADY_ANSWERS &&
		n->dns_ns >= n->away_ns + TOPOLOGY_AWAY_NS &&
		topology_within(t, n->dns_ns, TOPOLOGY_AWAY_NS, now_ns);
}

/* A connection that ended is no more than that for a while. */
static bool is_anyone_heard(struct topology *t, uint64_t now_ns)
{
	bool any = topology_is_anyone_live(t);

	for (unsigned i = 0; i < PEL_MAP_INSTANCES && !any; i++)
		any = t->members[i].used &&
			topology_within(t, t->members[i].evidence_ns, TOPOLOGY_AWAY_NS, now_ns);
	return any;
}

/* The own endpoint has led away from a known topology, to where nobody can be met. */
static unsigned conclude_own(struct topology *t, struct topology_name *n, uint64_t now_ns)
{
	bool told = n->away_told;

	if (n->bond != TOPOLOGY_BOND_OWN || n->role != PEL_ROLE_WRITER || !t->config.has_table ||
		t->state != PEL_STATE_KNOWN)
		return 0;
	if (!n->repointed && is_anyone_heard(t, now_ns)) {
		n->away_told = true;
		return told ? 0 : TOPOLOGY_AWAY;
	}
	t->state = PEL_STATE_UNKNOWN;
	return topology_begin_anew(t, &n->lead, now_ns);
}

unsigned topology_conclude_bonds(struct topology *t, uint64_t now_ns)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < t->n_names; i++) {
		struct topology_name *n = &t->names[i];

		n->away_told &= n->away_ns != 0;
		if (!is_away(t, n, now_ns))
			continue;
		if (topology_may_leave(t, n, now_ns))
			bits |= topology_leave(n, false);
		else
			bits |= conclude_own(t, n, now_ns);
	}
	return bits;
}
