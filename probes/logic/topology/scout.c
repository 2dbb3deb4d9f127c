/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was met where a name leads: the first contact, or a stranger.
 *
 * It may be a member that was known by another address (a forwarder, a second interface): then the
 * name's address is remembered as an alias, and nothing changes.  It may be a member that the table
 * has not shown yet.  Else it is another cluster.  A name that led there leaves for it.  If it was our
 * own endpoint, which is what a blue/green switchover looks like (the same ids at other addresses
 * with other uuids), all members are forgotten and learnt anew from there; generation and epoch go
 * on.
 *
 * The address by which a cluster name led to the first contact does not make it routable: it may be
 * a forwarder's.  One that took over from a topology that was routable is reached as directly.
 */
#include "state.h"

#include <string.h>

static bool lists(const struct pel_rows *rows, const char *id)
{
	for (unsigned i = 0; i < rows->n; i++) {
		if (strcmp(rows->rows[i].id, id) == 0)
			return true;
	}
	return false;
}

/* A newcomer of the cluster that we know: an id of its own, and its table has our writer. */
static bool is_newcomer(const struct topology *t, const struct evidence *e)
{
	const struct topology_member *w = topology_member(t, t->writer);

	return topology_find(t, e->id) == PEL_NONE && w && (e->has & EVIDENCE_TABLE) &&
		lists(&e->rows, w->id);
}

/* The member that answered: by id and uuid where ids are told, else by uuid alone. */
static unsigned find_same(const struct topology *t, const struct evidence *e)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (!m->used || !m->met || strcmp(m->uuid, e->uuid) != 0)
			continue;
		if (e->id[0] ? strcmp(m->id, e->id) == 0 : e->uuid[0] != '\0')
			return i;
	}
	return PEL_NONE;
}

static bool is_anyone_routable(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && t->members[i].routable)
			return true;
	}
	return false;
}

/* Takes the one that answered as a member, and what it says. */
static unsigned learn(struct topology *t, const struct evidence *e, bool routable,
	unsigned *ret_slot)
{
	unsigned slot = topology_find(t, e->id), bits = TOPOLOGY_DATA;

	if (slot == PEL_NONE) {
		slot = topology_slot_new(t, e->id, e->received_ns);
		if (slot == PEL_NONE)
			return bits;
		bits |= TOPOLOGY_MEMBERS;
	}
	topology_take_identity(t, slot, e);
	t->members[slot].routable |= routable;
	if (e->has & EVIDENCE_ROLE)
		topology_take_role(t, slot, e);
	if (e->has & EVIDENCE_TABLE)
		bits |= topology_take_rows(t, slot, e);
	*ret_slot = slot;
	return bits;
}

static void remember_alias(struct topology *t, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < t->n_names; i++) {
		if (topology_same_addr(&t->names[i].lead, addr))
			t->names[i].alias = *addr;
	}
}

/* Whether the cluster's own endpoint leads there. */
static bool is_own(const struct topology *t, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < t->n_names; i++) {
		const struct topology_name *n = &t->names[i];

		if (n->bond == TOPOLOGY_BOND_OWN && topology_same_addr(&n->lead, addr))
			return true;
	}
	return false;
}

/* Whether it is another cluster's endpoint that leads there: its instances may have the same ids. */
static bool is_of_another(const struct topology *t, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < t->n_names; i++) {
		const struct topology_name *n = &t->names[i];

		if (n->bond == TOPOLOGY_BOND_OTHER && topology_same_addr(&n->lead, addr))
			return !is_own(t, addr);
	}
	return false;
}

/* Another cluster was met: the names that lead there leave for it. */
static unsigned part(struct topology *t, const struct evidence *e)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < t->n_names; i++) {
		struct topology_name *n = &t->names[i];

		if (n->agree >= TOPOLOGY_STEADY_ANSWERS - 1 &&
			topology_same_addr(&n->lead, &e->from) &&
			topology_may_leave(t, n, e->received_ns))
			bits |= topology_leave(n, true);
	}
	return bits;
}

/* Who was met is ours, and so are the names that lead there. */
static void home(struct topology *t, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < t->n_names; i++) {
		if (topology_same_addr(&t->names[i].lead, addr))
			t->names[i].away_ns = 0;
	}
}

/* The address that comes after `addr` among all that DNS gave for any name, in a ring. */
static struct pel_addr next_addr(const struct topology *t, const struct pel_addr *addr)
{
	struct pel_addr first = {0};
	bool found = false;

	for (unsigned i = 0; i < t->n_names; i++) {
		if (t->names[i].bond == TOPOLOGY_BOND_OTHER)
			continue;
		for (unsigned k = 0; k < t->names[i].n_seen; k++) {
			const struct pel_addr *a = &t->names[i].seen[k].addr;

			if (topology_same_addr(a, addr))
				found = true;
			else if (found)
				return *a;
			else if (first.family == 0)
				first = *a;
		}
	}
	return first.family ? first : *addr;
}

static bool has_member(const struct topology *t, bool configured)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && (!configured || t->members[i].configured))
			return true;
	}
	return false;
}

/* It tells of nobody who answers, though somebody does: a cluster of its own. */
static bool tells_of_others(const struct topology *t, const struct evidence *e)
{
	for (unsigned i = 0; i < e->n_hosts; i++) {
		const struct topology_member *m = topology_member(t,
			topology_find_host(t, e->hosts[i].host, e->hosts[i].port));

		if (m && m->live)
			return false;
	}
	return (e->has & EVIDENCE_HOSTS) && e->n_hosts && topology_is_anyone_live(t);
}

/*
 * Members that are hosts are met there; a name's address makes none, but who is met there may tell.  As
 * long as nobody has, it is met again, or another is.
 */
static unsigned meet_hosts(struct topology *t, const struct evidence *e, unsigned *ret_slot)
{
	unsigned bits = 0;

	*ret_slot = find_same(t, e);
	if (*ret_slot == PEL_NONE && tells_of_others(t, e)) {
		remember_alias(t, &e->from);
		if (!is_own(t, &e->from) || has_member(t, true))
			return 0;
		bits = topology_begin_anew(t, &e->from, e->received_ns);
	}
	if (e->has & EVIDENCE_HOSTS)
		bits |= topology_take_hosts(t, PEL_NONE, e);
	if (has_member(t, false))
		remember_alias(t, &e->from);
	else
		t->scout = next_addr(t, &e->from);
	return bits;
}

unsigned topology_take_scout(struct topology *t, const struct evidence *e, unsigned *ret_slot)
{
	unsigned same = find_same(t, e), bits = 0;
	bool routable = false;

	*ret_slot = PEL_NONE;
	t->scout = (struct pel_addr){0};
	if (!(e->has & EVIDENCE_IDENTITY))
		return 0;
	if (!t->config.has_table)
		return meet_hosts(t, e, ret_slot);
	if (same != PEL_NONE && t->members[same].live) {
		*ret_slot = same;
		remember_alias(t, &e->from);
		home(t, &e->from);
		return 0;
	}
	if (same == PEL_NONE && topology_is_anyone_met(t) &&
		(is_of_another(t, &e->from) || !is_newcomer(t, e))) {
		if (!is_own(t, &e->from))
			return part(t, e);
		routable = is_anyone_routable(t);
		bits = topology_begin_anew(t, &e->from, e->received_ns);
	}
	home(t, &e->from);
	return bits | learn(t, e, routable, ret_slot);
}

unsigned topology_take_green(struct topology *t, const struct evidence *e, unsigned *ret_slot)
{
	bool routable = is_anyone_routable(t);
	unsigned bits = topology_begin_anew(t, &e->from, e->received_ns) & ~TOPOLOGY_RELEARNT;

	t->scout = (struct pel_addr){0};
	return bits | learn(t, e, routable, ret_slot);
}

bool topology_scout_has_other(const struct topology *t)
{
	struct pel_addr next = next_addr(t, &t->scout);

	return t->scout.family && !topology_is_anyone_live(t) &&
		!topology_same_addr(&next, &t->scout);
}

void topology_scout_failed(struct topology *t)
{
	if (topology_scout_has_other(t))
		t->scout = next_addr(t, &t->scout);
}

bool topology_scout_addr(const struct topology *t, struct pel_addr *ret)
{
	if (t->scout.family == 0)
		return false;
	*ret = t->scout;
	if (ret->port == 0)
		ret->port = t->config.port;
	return true;
}
