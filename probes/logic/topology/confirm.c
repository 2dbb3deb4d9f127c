/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the writer.
 *
 * A claim is a member's own answer "I am not read-only", and lasts without a break until it says
 * otherwise or its connection ends.  The newest claim is confirmed unless
 *   - another member repeats its own after it: then it is a dispute, and there is no writer until
 *     one of them recants or the table decides.  An incumbent that is well is given the time of one
 *     question to do either, that under way if there is one; one that is silent is not waited for;
 *   - the table, the second witness, names another with a MASTER row newer than the claimant's last
 *     answer.  The claimant's next answer makes that void, so it stops only one that has fallen
 *     silent.  The table decides disputes, with a row newer than the dispute; alone it makes nobody
 *     a writer;
 *   - nobody has logged in to the claimant at its own address.
 * A claim that was not repeated since another's became the writer's is void: a former writer that is
 * silent is not the next one, should its successor fail.
 *
 * The incumbent stays while it claims; and, when its connection is lost, until it is unreachable,
 * says that it is a reader, is contradicted, or has not been heard of for TOPOLOGY_HOLD_NS: a
 * prober's lost connection alone says nothing about those of others.
 *
 * Where nobody can be asked, a coordinator's word takes the place of all this: word.c.
 */
#include "state.h"

static bool is_claimant(const struct topology *t, const struct topology_member *m)
{
	return m->used && m->claim_ns && m->health != PEL_HEALTH_UNREACHABLE &&
		(m->claim_ns >= t->claim_ns || m->role_sent_ns >= t->claim_ns);
}

static bool is_vetoed(const struct topology *t, unsigned slot)
{
	const struct topology_table *b = &t->table;

	return b->dated && b->master != PEL_NONE && b->master != slot &&
		b->master_ns > t->members[slot].role_received_ns;
}

/* The newest claimant; those that the table decided against count only if there is no other. */
static unsigned newest_claimant(const struct topology *t)
{
	unsigned best = PEL_NONE;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];
		const struct topology_member *b = best == PEL_NONE ? NULL : &t->members[best];

		if (!is_claimant(t, m))
			continue;
		if (!b || (b->overruled && !m->overruled) ||
			(b->overruled == m->overruled && m->claim_ns > b->claim_ns))
			best = i;
	}
	return best;
}

/* The table decides between claimants, or changes its mind with a still newer row. */
static unsigned decide_by_table(struct topology *t)
{
	const struct topology_table *b = &t->table;

	if (!b->dated || b->master == PEL_NONE || !is_claimant(t, &t->members[b->master]) ||
		b->master_ns <= t->dispute_ns)
		return PEL_NONE;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		t->members[i].overruled = i != b->master && is_claimant(t, &t->members[i]);
	return b->master;
}

/*
 * Another claimant that repeated its claim after the newest one was made; in a dispute, that has
 * not been asked since.
 */
static bool is_contested(struct topology *t, unsigned newest, uint64_t now_ns)
{
	uint64_t claim_ns = t->members[newest].claim_ns;
	bool early = t->dispute_ns && topology_within(t, claim_ns, TOPOLOGY_WAIT_NS, now_ns);

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (i != newest && is_claimant(t, m) && !m->overruled &&
			(early || m->role_sent_ns >= claim_ns))
			return true;
	}
	return false;
}

/* The incumbent claims too, is well, and has not had the time of a question since the claim. */
static bool is_incumbent_awaited(struct topology *t, unsigned newest, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, t->writer);
	uint64_t since_ns = t->members[newest].claim_ns;

	if (!w || t->writer == newest || !is_claimant(t, w) || w->overruled ||
		(w->health != PEL_HEALTH_OK && w->health != PEL_HEALTH_UNKNOWN))
		return false;
	if (w->asked_ns && w->asked_ns < since_ns)
		since_ns = w->asked_ns;
	return topology_within(t, since_ns, TOPOLOGY_WAIT_NS, now_ns);
}

/* The table names, newer than its decision, one that it decided against. */
static bool is_appealed(const struct topology *t)
{
	const struct topology_table *b = &t->table;

	return b->dated && b->master != PEL_NONE && t->members[b->master].overruled &&
		is_claimant(t, &t->members[b->master]) &&
		b->master_ns > t->members[b->master].claim_ns;
}

/* The claimant to be published, or PEL_NONE; sets dispute_ns. */
static unsigned choose(struct topology *t, uint64_t now_ns)
{
	unsigned newest = newest_claimant(t);

	if (newest == PEL_NONE) {
		t->dispute_ns = 0;
		return PEL_NONE;
	}
	if (is_appealed(t))
		return decide_by_table(t);
	if (!is_contested(t, newest, now_ns)) {
		t->dispute_ns = 0;
		return is_incumbent_awaited(t, newest, now_ns) ? t->writer : newest;
	}
	if (!t->dispute_ns)
		t->dispute_ns = now_ns;
	newest = decide_by_table(t);
	if (newest != PEL_NONE)
		t->dispute_ns = 0;
	return newest;
}

/* Whether a writer that cannot be asked at this moment stays the writer. */
static bool is_held(struct topology *t, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, t->writer);

	return w && w->routable && w->self_role == PEL_ROLE_UNKNOWN &&
		w->health != PEL_HEALTH_UNREACHABLE &&
		topology_within(t, w->role_received_ns, TOPOLOGY_HOLD_NS, now_ns);
}

/* The incumbent may answer a contradicting table; its next answer ends the matter. */
static bool is_incumbent_vetoed(struct topology *t, uint64_t now_ns)
{
	if (!is_vetoed(t, t->writer)) {
		t->veto_ns = 0;
		return false;
	}
	if (!t->veto_ns)
		t->veto_ns = now_ns;
	return !topology_within(t, t->veto_ns, TOPOLOGY_VETO_NS, now_ns);
}

static bool is_known_member(const struct topology *t, unsigned slot)
{
	return t->members[slot].routable && (t->table.any || !t->config.has_table);
}

/* The one to be published, after everything that speaks against a claimant. */
static unsigned verify(struct topology *t, uint64_t now_ns)
{
	unsigned slot = choose(t, now_ns);

	if (slot != PEL_NONE && slot != t->writer &&
		(is_vetoed(t, slot) || !is_known_member(t, slot)))
		slot = PEL_NONE;
	if (slot == PEL_NONE && !t->dispute_ns && is_held(t, now_ns))
		slot = t->writer;
	if (slot == PEL_NONE || slot != t->writer)
		t->veto_ns = 0;
	else if (is_incumbent_vetoed(t, now_ns))
		slot = PEL_NONE;
	return slot;
}

/* A claim that stands, by a member that nobody could log in to at its own address. */
static bool is_unroutable(struct topology *t, uint64_t now_ns)
{
	unsigned slot = newest_claimant(t);

	return slot != PEL_NONE && !t->members[slot].routable &&
		!topology_within(t, t->members[slot].claim_ns, TOPOLOGY_REACH_NS, now_ns);
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

static enum pel_why reason(struct topology *t, uint64_t now_ns)
{
	if (t->dispute_ns)
		return PEL_WHY_DISPUTED;
	if (is_unroutable(t, now_ns))
		return PEL_WHY_UNROUTABLE;
	if (topology_is_anyone_live(t))
		return topology_within(t, t->started_ns, TOPOLOGY_REACH_NS, now_ns)
			? PEL_WHY_STARTING
			: PEL_WHY_NO_WRITER;
	if (t->told_why != PEL_WHY_NONE)
		return t->told_why;
	if (t->writerless_ns)
		return PEL_WHY_NO_ANSWER;
	return topology_within(t, t->started_ns, TOPOLOGY_ANSWER_NS, now_ns) ? PEL_WHY_STARTING
									     : PEL_WHY_NO_ANSWER;
}

static void publish(struct topology *t, unsigned slot)
{
	t->state = PEL_STATE_KNOWN;
	t->why = PEL_WHY_NONE;
	t->writer = (uint8_t)slot;
	t->writerless_ns = 0;
	t->known_once = true;
	t->verified_ns = t->members[slot].role_received_ns;
	if (t->members[slot].claim_ns)
		t->claim_ns = t->members[slot].claim_ns;
}

static void withdraw(struct topology *t, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, t->writer);
	/* Nobody can log in any more: not known to be without a writer, just not known. */
	bool blind = w && !w->live && w->health != PEL_HEALTH_UNREACHABLE &&
		now_ns >= w->role_received_ns + TOPOLOGY_HOLD_NS;

	t->writer = PEL_NONE;
	t->writerless_ns = now_ns;
	t->state = blind ? PEL_STATE_UNKNOWN : PEL_STATE_WRITERLESS;
}

void topology_confirm(struct topology *t, uint64_t now_ns)
{
	unsigned slot = t->word_alone ? topology_word_writer(t) : verify(t, now_ns);

	if (slot != PEL_NONE) {
		publish(t, slot);
		return;
	}
	if (t->state == PEL_STATE_KNOWN)
		withdraw(t, now_ns);
	if (t->state == PEL_STATE_WRITERLESS &&
		(is_unroutable(t, now_ns) ||
			!topology_within(t, t->writerless_ns, TOPOLOGY_WRITERLESS_NS, now_ns)))
		t->state = PEL_STATE_UNKNOWN;
	if (t->state == PEL_STATE_UNKNOWN)
		t->why = reason(t, now_ns);
	else
		t->why = t->dispute_ns ? PEL_WHY_DISPUTED : PEL_WHY_NONE;
}

void topology_assign_roles(struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (!m->used)
			continue;
		if (i == t->writer)
			m->role = PEL_ROLE_WRITER;
		else if (m->self_role == PEL_ROLE_READER)
			m->role = PEL_ROLE_READER;
		else if (m->self_role == PEL_ROLE_WRITER || m->role == PEL_ROLE_WRITER)
			m->role = PEL_ROLE_UNKNOWN;
	}
}
