/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that are one server.
 *
 * Where servers do not tell ids, members are hosts, and two of them may be one server: a virtual
 * address and the node that bears it.  The writer stands for both, else the one that was it first, as
 * long as it can be asked; should the address move, the other is there.
 *
 * It is one server by its uuid; without one, by its address alone.  Data that were copied with their
 * uuid make two servers look like one: who tells another role at another address is another.
 */
#include "state.h"

#include <string.h>

/* It has said that it is the writer since the other said that it is none; or they are apart already. */
static bool are_unlike(const struct topology_member *a, const struct topology_member *b,
	bool folded)
{
	const struct topology_member *w = a->self_role == PEL_ROLE_WRITER ? a : b;
	const struct topology_member *r = w == a ? b : a;

	return w->self_role == PEL_ROLE_WRITER && r->self_role == PEL_ROLE_READER &&
		(!folded || w->role_sent_ns >= r->role_received_ns);
}

static bool is_same_server(const struct topology_member *a, const struct topology_member *b,
	bool folded)
{
	if (!a->used || !b->used || !a->met || !b->met)
		return false;
	if (topology_same_addr(&a->addr, &b->addr))
		return !a->uuid[0] || !b->uuid[0] || strcmp(a->uuid, b->uuid) == 0;
	return a->uuid[0] && strcmp(a->uuid, b->uuid) == 0 && !are_unlike(a, b, folded);
}

static bool can_stand(struct topology *t, const struct topology_member *m, uint64_t now_ns)
{
	return m->health != PEL_HEALTH_UNREACHABLE &&
		(m->live || topology_within(t, m->evidence_ns, TOPOLOGY_HOLD_NS, now_ns));
}

/* The writer; or the earlier of two slots unless the other was that server first. */
static bool stands_for(struct topology *t, unsigned a, unsigned b, uint64_t now_ns)
{
	const struct topology_member *ma = &t->members[a], *mb = &t->members[b];
	bool able = can_stand(t, ma, now_ns);

	if (able != can_stand(t, mb, now_ns))
		return able;
	if (a == t->writer || b == t->writer)
		return a == t->writer;
	return ma->since_ns != mb->since_ns ? ma->since_ns < mb->since_ns : a < b;
}

void topology_fold(struct topology *t, uint64_t now_ns)
{
	for (unsigned i = 0; !t->config.has_table && i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		bool was = m->twin;

		m->twin = false;
		for (unsigned k = 0; k < PEL_MAP_INSTANCES && !m->twin; k++)
			m->twin = k != i &&
				is_same_server(m, &t->members[k], was || t->members[k].twin) &&
				stands_for(t, k, i, now_ns);
		if (m->twin)
			m->role = PEL_ROLE_UNKNOWN;
	}
}
