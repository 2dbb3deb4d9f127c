/* SPDX-License-Identifier: Apache-2.0 */
/* What all rules of the topology use: its deadline, its members, their addresses. */
#include "state.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

static void due(struct topology *t, uint64_t when_ns)
{
	if (when_ns < t->deadline_ns)
		t->deadline_ns = when_ns;
}

bool topology_within(struct topology *t, uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns)
{
	if (now_ns >= since_ns + limit_ns)
		return false;
	due(t, since_ns + limit_ns);
	return true;
}

uint64_t topology_deadline(const struct topology *t)
{
	return t->deadline_ns;
}

const struct topology_member *topology_member(const struct topology *t, unsigned slot)
{
	return slot < PEL_MAP_INSTANCES && t->members[slot].used ? &t->members[slot] : NULL;
}

unsigned topology_find(const struct topology *t, const char *id)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && strcmp(t->members[i].id, id) == 0)
			return i;
	}
	return PEL_NONE;
}

/* An address whose port is not stated is the host at any port. */
bool topology_same_addr(const struct pel_addr *a, const struct pel_addr *b)
{
	size_t n = a->family == 4 ? 4 : 16;

	if (a->family != b->family || a->family == 0 || memcmp(a->ip, b->ip, n) != 0)
		return false;
	return a->port == b->port || a->port == 0 || b->port == 0;
}

bool topology_has_addr(const struct pel_addr *addrs, unsigned n, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < n; i++) {
		if (topology_same_addr(&addrs[i], addr))
			return true;
	}
	return false;
}

enum pel_admission topology_admission(const struct topology *t, const struct topology_member *m)
{
	bool left_out = !t->config.has_table && !m->configured && !m->named;

	return (left_out || m->away) && m->role == PEL_ROLE_READER
		? PEL_ADMIT_HELD
		: (enum pel_admission)m->admission;
}

enum pel_health topology_health(const struct topology *t, const struct topology_member *m)
{
	for (unsigned i = 0; m->refuses && i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *o = &t->members[i];

		if (o->used && o->live && !o->refuses && o->health != PEL_HEALTH_UNREACHABLE)
			return PEL_HEALTH_UNREACHABLE;
	}
	return (enum pel_health)m->health;
}

unsigned topology_judge_oddity(struct topology *t, bool odd)
{
	unsigned bits = odd && !t->odd_told ? TOPOLOGY_ODD : 0;

	t->odd_told = odd;
	return bits;
}

uint64_t topology_identity(const struct topology_member *m)
{
	char text[PEL_ID_MAX + EVIDENCE_UUID_MAX + 64];
	int n = snprintf(text, sizeof(text), "%s|%s|%u|", m->id, m->uuid, m->addr.port);

	for (unsigned i = 0; i < sizeof(m->addr.ip); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", m->addr.ip[i]);
	return pel_name_hash(text);
}

bool topology_is_anyone_met(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].used && t->members[i].met)
			return true;
	}
	return false;
}

bool topology_is_anyone_live(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (m->used && m->live && m->health != PEL_HEALTH_UNREACHABLE)
			return true;
	}
	return false;
}
