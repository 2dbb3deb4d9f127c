/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members: slots, and what the rows of a table and their own answers make of them.
 *
 * A row makes a member of an id; only a login makes it count.  Tables are not merged: the freshest
 * is believed as a whole, by the time at which its newest row was written, for a lagging replica
 * shows an old table.  A table without usable times is believed only for want of a better one.
 *
 * Who is in no table any more is forgotten soon if nobody answers there, late if somebody does: a
 * table in the middle of a failover may be incomplete.
 *
 * The first answer on a connection says who is there.  Another id than the member's is not the
 * member, whatever DNS says: the answer is rejected.  Another uuid or address under the same id is
 * another server: nothing that the former one said holds for it.  After that, answers count if they
 * come from the address of that login.
 */
#include "state.h"

#include "common/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAME_TABLE_NS UINT64_C(50000000)     /* stamps differ by the way of the question */
#define BETTER_TABLE_NS UINT64_C(5000000000) /* a dated table outranks an undated one so long */

static void set_host(struct topology *t, struct topology_member *m)
{
	const char *pattern = t->config.pattern[0] ? t->config.pattern : NULL;

	if (!pattern && !t->config.domain[0])
		return;
	if (pel_name_of_instance(m->id, t->config.domain, pattern, m->host) < 0)
		m->host[0] = '\0';
}

/* Who may give way to a new id: a member that was only ever heard of, and not in this table. */
static unsigned slot_to_evict(const struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (!m->configured && !m->named && !m->met && i != t->writer &&
			m->listed_ns < t->table.received_ns)
			return i;
	}
	return PEL_NONE;
}

void topology_slot_free(struct topology *t, unsigned slot)
{
	for (unsigned i = 0; i < t->n_names; i++) {
		t->names[i].members_seen_ns[slot] = 0;
		t->names[i].alias = (struct pel_addr){0}; /* it may have been this member's */
	}
	if (t->table.master == slot)
		t->table.master = PEL_NONE;
	if (t->table.teller == slot)
		t->table.teller = PEL_NONE;
	t->contest.witnesses &= ~(1u << slot);
	if (t->contest.named == slot)
		t->contest.named = PEL_NONE;
	if (t->contest.chosen == slot)
		t->contest.chosen = PEL_NONE;
	if (t->writer == slot)
		t->writer = PEL_NONE;
	/* Who gets the slot next is another, also to those who were told of this one. */
	if (t->shown.writer == slot)
		t->shown.writer = PEL_NONE;
	t->members[slot].used = false;
	/* Held by hand is held until it is admitted by hand, though it be away for a while. */
	if (t->members[slot].admission_forced)
		topology_expect(t, t->members[slot].id, true);
}

static struct topology_expected *expected_find(struct topology *t, const char *id)
{
	for (unsigned i = 0; i < t->n_expected; i++) {
		if (t->expected[i].id == pel_name_hash(id))
			return &t->expected[i];
	}
	return NULL;
}

void topology_expect(struct topology *t, const char *id, bool held)
{
	struct topology_expected *e = expected_find(t, id);

	if (!e && t->n_expected < PEL_MAP_INSTANCES)
		e = &t->expected[t->n_expected++];
	if (e)
		*e = (struct topology_expected){.id = pel_name_hash(id), .held = held};
}

static enum pel_admission admission_at_first(struct topology *t, const char *id, bool *ret_forced)
{
	struct topology_expected *e = expected_find(t, id);

	*ret_forced = e && e->held;
	if (*ret_forced) {
		e->held = false;
		return PEL_ADMIT_HELD;
	}
	return t->known_once || e ? PEL_ADMIT_NEW : PEL_ADMITTED;
}

unsigned topology_slot_new(struct topology *t, const char *id, uint64_t now_ns)
{
	enum pel_admission admission;
	unsigned slot = 0;
	bool forced;

	while (slot < PEL_MAP_INSTANCES && t->members[slot].used)
		slot++;
	if (slot == PEL_MAP_INSTANCES) {
		slot = slot_to_evict(t);
		if (slot == PEL_NONE)
			return PEL_NONE;
		topology_slot_free(t, slot);
	}
	admission = admission_at_first(t, id, &forced);
	t->members[slot] = (struct topology_member){
		.used = true,
		.admission = (uint8_t)admission,
		.admission_forced = forced,
		.cpu_permille = PEL_CPU_UNKNOWN,
		.lag_ms = PEL_LAG_UNKNOWN,
		.listed_ns = now_ns,
		.port = t->config.port,
	};
	strcpy(t->members[slot].id, id);
	set_host(t, &t->members[slot]);
	return slot;
}

unsigned topology_find_host(const struct topology *t, const char *host, uint16_t port)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (m->used && m->port == (port ? port : t->config.port) &&
			strcmp(m->host, host) == 0)
			return i;
	}
	return PEL_NONE;
}

const struct topology_member *topology_at(const struct topology *t, const char *host, uint16_t port)
{
	return topology_member(t, topology_find_host(t, host, port));
}

/* For display: the host's first label; where that is taken or a number, all of it and the port. */
static void id_of_host(const struct topology *t, const char *host, uint16_t port,
	char ret[static PEL_ID_MAX])
{
	size_t n = strcspn(host, ".");

	if (n < PEL_ID_MAX && strspn(host, "0123456789") != n) {
		memcpy(ret, host, n);
		ret[n] = '\0';
		if (pel_name_is_label(ret) && topology_find(t, ret) == PEL_NONE)
			return;
	}
	if (snprintf(ret, PEL_ID_MAX, "m-%s-%u", host, port) >= PEL_ID_MAX)
		(void)snprintf(ret, PEL_ID_MAX, "m-%016" PRIx64 "-%u", pel_name_hash(host), port);
	for (char *c = ret; *c; c++) {
		if (*c == '.' || *c == ':' || *c == '_')
			*c = '-';
	}
}

unsigned topology_slot_at(struct topology *t, const char *host, uint16_t port, uint64_t now_ns)
{
	unsigned slot = topology_find_host(t, host, port);
	struct topology_member *m;
	char id[PEL_ID_MAX];

	if (slot != PEL_NONE || strlen(host) >= sizeof(m->host))
		return slot;
	port = port ? port : t->config.port;
	id_of_host(t, host, port, id);
	slot = topology_slot_new(t, id, now_ns);
	if (slot == PEL_NONE)
		return PEL_NONE;
	m = &t->members[slot];
	m->port = port;
	strcpy(m->host, host);
	return slot;
}

int topology_add_member(struct topology *t, const char *host, uint16_t port, uint64_t now_ns)
{
	unsigned slot = topology_slot_at(t, host, port, now_ns);

	if (slot == PEL_NONE)
		return -ENOSPC;
	t->members[slot].configured = true;
	return (int)slot;
}

/*
 * Without a table: whom nobody names any more, and who claims nothing: it is fenced off.  A reader
 * that answers may be missing from one list: it gets no connections, and is gone when that lasts.
 */
static bool is_left_out(const struct topology *t, const struct topology_member *m)
{
	if (m->configured || m->named || m->claim_ns)
		return false;
	return m->self_role != PEL_ROLE_READER || t->named_ns - m->listed_ns > TOPOLOGY_ABSENT_NS;
}

static bool is_gone(const struct topology *t, const struct topology_member *m)
{
	uint64_t absent = t->table.received_ns - m->listed_ns;

	if (!t->config.has_table)
		return is_left_out(t, m);
	if (m->configured || m->named || m->listed_ns >= t->table.received_ns)
		return false;
	return absent > (m->live ? TOPOLOGY_GONE_NS : TOPOLOGY_ABSENT_NS);
}

unsigned topology_forget(struct topology *t)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (!t->members[i].used || i == t->writer || !is_gone(t, &t->members[i]))
			continue;
		topology_slot_free(t, i);
		bits |= TOPOLOGY_MEMBERS | TOPOLOGY_EPOCH;
	}
	return bits;
}

/* When the newest row of an answer was written, at the earliest and in our time. */
static uint64_t stamp_of(const struct evidence *e)
{
	int64_t age_ns = e->rows.newest_us * 1000;

	if (age_ns < 0)
		age_ns = 0;
	return e->sent_ns > (uint64_t)age_ns ? e->sent_ns - (uint64_t)age_ns : 0;
}

static bool is_fresher(const struct topology_table *b, const struct evidence *e)
{
	bool dated = e->rows.newest_us != PEL_AGE_UNKNOWN;

	if (!b->any || (dated && !b->dated))
		return true;
	if (dated)
		return stamp_of(e) + SAME_TABLE_NS >= b->stamp_ns;
	return !b->dated || e->received_ns >= b->received_ns + BETTER_TABLE_NS;
}

static void take_row(struct topology *t, unsigned slot, const struct pel_row *row,
	uint64_t received_ns)
{
	struct topology_member *m = &t->members[slot];

	m->listed_ns = received_ns;
	m->lag_ms = row->lag_ms;
	m->cpu_permille = row->cpu_permille;
}

static void take_stamps(struct topology_table *b, unsigned teller, const struct evidence *e)
{
	const struct pel_rows *rows = &e->rows;

	b->any = true;
	b->dated = rows->newest_us != PEL_AGE_UNKNOWN;
	b->teller = (uint8_t)teller;
	b->received_ns = e->received_ns;
	b->stamp_ns = b->dated ? stamp_of(e) : 0;
	b->master = PEL_NONE;
	b->master_ns = 0;
	if (b->dated && rows->master != PEL_NONE) {
		int64_t age_us = rows->rows[rows->master].age_us;

		if (age_us != PEL_AGE_UNKNOWN && (uint64_t)age_us * 1000 < b->stamp_ns)
			b->master_ns = b->stamp_ns - (uint64_t)age_us * 1000;
	}
}

unsigned topology_take_rows(struct topology *t, unsigned teller, const struct evidence *e)
{
	const struct pel_rows *rows = &e->rows;
	unsigned bits =
		topology_judge_oddity(t, rows->n_refused || rows->n_surplus || rows->n_garbage);

	if (!is_fresher(&t->table, e))
		return bits;
	take_stamps(&t->table, teller, e);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		/* Who lives was perhaps crowded out of an answer that was cut. */
		if (rows->n_surplus && t->members[i].live)
			t->members[i].listed_ns = e->received_ns;
	}
	for (unsigned i = 0; i < rows->n; i++) {
		unsigned slot = topology_find(t, rows->rows[i].id);

		if (slot == PEL_NONE) {
			slot = topology_slot_new(t, rows->rows[i].id, e->received_ns);
			if (slot == PEL_NONE)
				continue;
			bits |= TOPOLOGY_MEMBERS | TOPOLOGY_EPOCH;
		}
		take_row(t, slot, &rows->rows[i], e->received_ns);
		if (i != rows->master)
			continue;
		t->table.master = (uint8_t)slot;
		t->table.named = true;
	}
	return bits;
}

static void member_void(struct topology_member *m)
{
	m->live = m->able = m->unsettled = false;
	m->self_role = PEL_ROLE_UNKNOWN;
	m->lapsed = false;
	m->claim_ns = 0;
	m->asked_ns = m->unsaid_ns = 0;
}

/* An answer that says nothing, as an error: a claim lasts for so long only. */
static void role_unsaid(struct topology_member *m, uint64_t now_ns)
{
	if (!m->unsaid_ns)
		m->unsaid_ns = now_ns;
	if (now_ns < m->unsaid_ns + TOPOLOGY_CLAIM_NS)
		return;
	m->able = m->unsettled = false;
	if (m->self_role == PEL_ROLE_READER)
		return;
	m->self_role = PEL_ROLE_UNKNOWN;
	m->claim_ns = 0;
	m->lapsed = true;
}

void topology_take_identity(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];
	bool other = strcmp(m->uuid, e->uuid) != 0 || !topology_same_addr(&m->addr, &e->from);

	member_void(m);
	if (other) {
		m->role = PEL_ROLE_UNKNOWN;
		m->term = (struct evidence_term){0};
		m->since_ns = e->received_ns;
		m->overruled = m->unretracted = m->refuses = false;
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

static void take_claim(struct topology_member *m, const struct evidence *e)
{
	if (m->self_role != PEL_ROLE_WRITER) {
		m->claim_ns = 0;
		m->overruled = false;
	} else if (!m->claim_ns) {
		m->claim_ns = e->received_ns;
	}
	m->unretracted = m->self_role == PEL_ROLE_WRITER;
}

/* Of many nobody claims who was not chosen. */
static void take_ability(struct topology_member *m, const struct evidence *e)
{
	m->able = e->role == PEL_ROLE_WRITER && e->of_many;
	m->unsettled = e->unsettled;
	if (e->unsettled)
		m->unsettled_ns = e->received_ns;
	if (m->able && !m->claim_ns)
		m->self_role = PEL_ROLE_READER;
	if (m->able && !e->stopped)
		m->well_ns = e->received_ns;
}

void topology_take_role(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];

	if (e->sent_ns < m->role_sent_ns)
		return;
	/* A server that was begun anew, with its group: that counts from the beginning. */
	if ((e->has & EVIDENCE_IDENTITY) && topology_is_earlier(&e->term, &m->term))
		t->term = (struct evidence_term){0};
	m->was_reader |= e->role == PEL_ROLE_READER;
	/* A replica that anybody may write to claims nothing by it. */
	m->self_role =
		m->found && !m->configured && !m->was_reader ? PEL_ROLE_UNKNOWN : (uint8_t)e->role;
	take_ability(m, e);
	if (m->term.era != e->term.era || m->term.count != e->term.count)
		m->term_ns = e->received_ns;
	m->term = e->term;
	m->lapsed = false;
	m->unsaid_ns = 0;
	m->role_sent_ns = e->sent_ns;
	m->role_received_ns = e->received_ns;
	m->evidence_ns = e->received_ns;
	take_claim(m, e);
	/* A writer is not asked for it. */
	if (e->role == PEL_ROLE_WRITER && m->self_role != PEL_ROLE_UNKNOWN &&
		!t->config.has_table) {
		m->lag_ms = PEL_LAG_UNKNOWN;
		m->stopped = false;
	}
}

/* The server is not the member.  At the member's own address: then the member is no more there. */
static unsigned reject(struct topology *t, unsigned slot, const struct evidence *e)
{
	struct topology_member *m = &t->members[slot];

	if (topology_same_addr(&m->addr, &e->from)) {
		member_void(m);
		m->role = PEL_ROLE_UNKNOWN;
		m->routable = false;
		m->addr = (struct pel_addr){0};
		m->identity = 0;
	}
	return TOPOLOGY_REJECTED;
}

unsigned topology_take_answer(struct topology *t, unsigned slot, const struct evidence *e)
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
	else if (!e->has)
		role_unsaid(m, e->received_ns);
	if (e->has & EVIDENCE_TABLE)
		bits |= topology_take_rows(t, slot, e);
	if (e->has & EVIDENCE_LAG)
		m->lag_ms = e->lag_ms;
	if (e->has & EVIDENCE_STOPPED) {
		m->stopped = e->stopped;
		m->refuses = e->refuses;
	}
	return bits;
}

unsigned topology_take_lost(struct topology *t, unsigned slot)
{
	if (!topology_member(t, slot))
		return 0;
	member_void(&t->members[slot]);
	if (!t->config.has_table)
		t->members[slot].lag_ms = PEL_LAG_UNKNOWN;
	return TOPOLOGY_DATA;
}
