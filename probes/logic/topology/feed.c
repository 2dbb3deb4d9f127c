/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of members: who answers, what it says of itself, and when that is void again.
 *
 * The first answer on a connection says who is there.  Another id than the member's is not the
 * member, whatever DNS says: the answer is rejected.  Another uuid or address under the same id is
 * another server: nothing that the former one said holds for it.  After that, answers count if they
 * come from the address of that login.
 */
#include "state.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

uint64_t topology_identity(const struct topology_member *m)
{
	char text[PEL_ID_MAX + EVIDENCE_UUID_MAX + 64];
	int n = snprintf(text, sizeof(text), "%s|%s|%u|", m->id, m->uuid, m->addr.port);

	for (unsigned i = 0; i < sizeof(m->addr.ip); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", m->addr.ip[i]);
	return pel_name_hash(text);
}

void topology_member_void(struct topology_member *m)
{
	m->live = false;
	m->self_role = PEL_ROLE_UNKNOWN;
	m->claim_ns = 0;
	m->asked_ns = 0;
}

void topology_asked(struct topology *t, unsigned slot, uint64_t now_ns)
{
	if (topology_member(t, slot))
		t->members[slot].asked_ns = now_ns;
}

void topology_answered(struct topology *t, unsigned slot)
{
	if (topology_member(t, slot))
		t->members[slot].asked_ns = 0;
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

void topology_take_identity(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];
	bool other = strcmp(m->uuid, e->uuid) != 0 || !topology_same_addr(&m->addr, &e->from);

	topology_member_void(m);
	if (other) {
		m->role = PEL_ROLE_UNKNOWN;
		m->overruled = m->unretracted = false;
		m->role_sent_ns = m->role_received_ns = 0;
	}
	memcpy(m->uuid, e->uuid, sizeof(m->uuid));
	if (e->zone[0])
		memcpy(m->zone, e->zone, sizeof(m->zone));
	m->addr = e->from;
	m->live = m->met = true;
	m->routable =
		(m->routable && !other) || topology_has_addr(m->host_addrs, m->n_host, &e->from);
	m->identity = topology_identity(m);
	m->evidence_ns = e->received_ns;
}

void topology_take_role(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];

	if (e->sent_ns < m->role_sent_ns)
		return;
	m->self_role = e->role;
	m->role_sent_ns = e->sent_ns;
	m->role_received_ns = e->received_ns;
	m->evidence_ns = e->received_ns;
	if (e->role != PEL_ROLE_WRITER) {
		m->claim_ns = 0;
		m->overruled = false;
	} else if (!m->claim_ns) {
		m->claim_ns = e->received_ns;
	}
	m->unretracted = e->role == PEL_ROLE_WRITER;
	if (e->role == PEL_ROLE_WRITER && !t->config.has_table)
		m->lag_ms = PEL_LAG_UNKNOWN; /* a writer is not asked for it */
}

/* The server is not the member.  At the member's own address: then the member is no more there. */
static unsigned reject(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];

	if (topology_same_addr(&m->addr, &e->from)) {
		topology_member_void(m);
		m->role = PEL_ROLE_UNKNOWN;
		m->routable = false;
		m->addr = (struct pel_addr){0};
		m->identity = 0;
	}
	return topology_settle(t, e->received_ns, TOPOLOGY_REJECTED);
}

unsigned topology_feed(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m;
	unsigned bits = TOPOLOGY_DATA;

	if (!topology_member(t, slot))
		return 0;
	m = &t->members[slot];
	if (e->has & EVIDENCE_IDENTITY) {
		if (e->id[0] && strcmp(e->id, m->id) != 0)
			return reject(t, slot, e);
		topology_take_identity(t, slot, e);
	} else if (!m->live || !topology_same_addr(&m->addr, &e->from)) {
		return 0;
	}
	if (e->has & EVIDENCE_ROLE)
		topology_take_role(t, slot, e);
	if (e->has & EVIDENCE_TABLE)
		bits |= topology_take_rows(t, slot, e);
	if (e->has & EVIDENCE_LAG)
		m->lag_ms = e->lag_ms;
	return topology_settle(t, e->received_ns, bits);
}

unsigned topology_feed_lost(struct topology *t, unsigned slot, uint64_t now_ns)
{
	if (!topology_member(t, slot))
		return 0;
	topology_member_void(&t->members[slot]);
	if (!t->config.has_table)
		t->members[slot].lag_ms = PEL_LAG_UNKNOWN;
	return topology_settle(t, now_ns, TOPOLOGY_DATA);
}

unsigned topology_feed_health(struct topology *t, unsigned slot, enum pel_health health,
	uint32_t rtt_us, uint64_t now_ns)
{
	struct topology_member *m;

	if (!topology_member(t, slot))
		return 0;
	m = &t->members[slot];
	if (m->health == health && m->rtt_us == rtt_us)
		return 0;
	m->health = (uint8_t)health;
	m->rtt_us = rtt_us;
	return topology_settle(t, now_ns, TOPOLOGY_DATA);
}
