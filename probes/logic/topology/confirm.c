/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the writer.
 *
 * A claim is a member's own answer "I am not read-only", and lasts without a break until it says
 * otherwise, its connection ends, or its answers, being errors, have not said so for
 * TOPOLOGY_CLAIM_NS.  A claim that was not repeated since another's became the
 * writer's is void: a former writer that is silent is not the next one, should its successor fail.
 * So is one of an earlier term than another's, where servers tell terms: that of the latest is neither
 * contested by it nor waits for it.
 *
 * How many claims stand is a state of its own, the contest:
 *
 *   SOLE      nobody claims, or the newest claim is not contested: it is confirmed
 *     -> DISPUTED   another member repeats its claim after the newest was made
 *   DISPUTED  there is no writer
 *     -> DECIDED    a witness names one of them, by a row newer than the dispute and all claims
 *     -> SOLE       one alone still claims
 *   DECIDED   the others are overruled, and may go on claiming
 *     -> DECIDED    for another: two witnesses name it by rows newer than the decision; twice
 *     -> DISPUTED   ... a third time, and then no witness ends it; or a further member claims
 *     -> SOLE       one alone still claims, and the one decided for is not merely out of sight
 *
 * A witness is a member that claims nothing, by its table: nobody is a witness in its own cause.
 * Claims that come and go with their connections would have the writer alternate: who was twice in
 * CONTEST_CALM_NS published beside another that has not recanted is disputed the third time, until
 * those who are silent have recanted or nobody contests it for so long.
 *
 * Besides, the newest claim is not confirmed while
 *   - an incumbent that is well has not had the time of one question to repeat its own or recant,
 *     that of the question under way if there is one; one that is silent is not waited for;
 *   - a table names another with a MASTER row newer than the claimant's last answer.  The
 *     claimant's next answer makes that void, so it stops only one that has fallen silent.  A table
 *     alone makes nobody a writer;
 *   - nobody has logged in to the claimant at its own address.
 *
 * The incumbent stays while it claims; and, when its connection is lost, until it is unreachable,
 * says that it is a reader, is contradicted, or has not been heard of for TOPOLOGY_HOLD_NS: a
 * prober's lost connection alone says nothing about those of others.
 *
 * A set of readers alone is known, and without a writer: a secondary region, or replicas alone.  It
 * is one if each of them says that it is a reader, no table names anybody else, and that was so for
 * as long as a writer would be awaited; it stays one as long as nobody claims.  Who begins in the
 * middle of a failover sees the same: where a table, a coordinator, or an earlier daemon knew of a
 * writer, one is awaited as after a loss.
 *
 * Where nobody can be asked, a coordinator's word takes the place of all this: word.c.
 */
#include "state.h"

#define CONTEST_CALM_NS UINT64_C(10000000000)
#define CONTEST_REVERSALS 2
#define CONTEST_WITNESSES 2 /* that take a decision back */

static bool is_claimant(const struct topology *t, const struct topology_member *m)
{
	return m->used && !m->twin && m->claim_ns && m->health != PEL_HEALTH_UNREACHABLE &&
		!topology_is_outdated(t, m) &&
		(m->claim_ns >= t->claim_ns || m->role_sent_ns >= t->claim_ns);
}

/* What a member that claims tells of itself speaks against nobody. */
static bool is_in_own_cause(const struct topology *t)
{
	const struct topology_table *b = &t->table;

	return b->teller == b->master && t->members[b->teller].claim_ns;
}

static bool is_vetoed(const struct topology *t, unsigned slot)
{
	const struct topology_table *b = &t->table;

	return b->dated && b->master != PEL_NONE && b->master != slot && !is_in_own_cause(t) &&
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

/*
 * Another claimant that repeated its claim after the newest one was made; in a dispute, that has
 * not been asked since.
 */
static bool is_contested(struct topology *t, unsigned newest, uint64_t now_ns)
{
	uint64_t claim_ns = t->members[newest].claim_ns;
	bool early = t->contest.state == CONTEST_DISPUTED &&
		topology_within(t, claim_ns, TOPOLOGY_WAIT_NS, now_ns);

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

bool topology_is_held(struct topology *t, unsigned slot, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, slot);

	return w && !w->twin && w->routable && w->self_role == PEL_ROLE_UNKNOWN && !w->lapsed &&
		w->health != PEL_HEALTH_UNREACHABLE &&
		topology_within(t, w->role_received_ns, TOPOLOGY_HOLD_NS, now_ns);
}

/* The claimant that a witness names since this state began, or PEL_NONE; counts the witnesses. */
static unsigned hear_witness(struct topology *t, uint64_t newest_ns)
{
	const struct topology_table *b = &t->table;
	struct topology_contest *c = &t->contest;

	if (!b->dated || b->master == PEL_NONE || b->teller == PEL_NONE ||
		b->master_ns <= c->since_ns || t->members[b->teller].claim_ns ||
		b->master_ns <= newest_ns || !is_claimant(t, &t->members[b->master]))
		return PEL_NONE;
	if (c->named != b->master)
		c->witnesses = 0;
	c->named = b->master;
	c->witnesses |= 1u << b->teller;
	return b->master;
}

static void enter(struct topology *t, enum topology_contest_state state, unsigned chosen,
	uint64_t now_ns)
{
	struct topology_contest *c = &t->contest;

	c->state = (uint8_t)state;
	c->chosen = (uint8_t)chosen;
	c->since_ns = now_ns;
	c->named = PEL_NONE;
	c->witnesses = 0;
	if (state == CONTEST_SOLE)
		c->reversals = 0;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		t->members[i].overruled =
			state == CONTEST_DECIDED && i != chosen && is_claimant(t, &t->members[i]);
}

/* Another member said that it is the writer, and has neither taken it back nor gone. */
static bool is_rival_left(const struct topology *t, unsigned slot)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (i != slot && m->used && !m->twin && m->unretracted &&
			!topology_is_outdated(t, m) && m->health != PEL_HEALTH_UNREACHABLE)
			return true;
	}
	return false;
}

static void dispute(struct topology *t, uint64_t now_ns)
{
	struct topology_contest *c = &t->contest;

	c->contested_ns = now_ns;
	c->restless = c->beside_ns[1] && now_ns < c->beside_ns[1] + CONTEST_CALM_NS;
	enter(t, CONTEST_DISPUTED, PEL_NONE, now_ns);
}

/* One alone still claims.  In restless times the others have to have said so themselves. */
static bool is_settled(struct topology *t, unsigned newest, uint64_t now_ns)
{
	return !t->contest.restless || !is_rival_left(t, newest) ||
		!topology_within(t, t->contest.contested_ns, CONTEST_CALM_NS, now_ns);
}

/* Whether an overruled member still claims beside the one decided for, who may be out of sight. */
static bool is_decision_needed(struct topology *t, uint64_t now_ns)
{
	const struct topology_member *chosen = topology_member(t, t->contest.chosen);

	if (!chosen)
		return false;
	if (!is_claimant(t, chosen) && !topology_is_held(t, t->contest.chosen, now_ns))
		return false;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (t->members[i].overruled && is_claimant(t, &t->members[i]))
			return true;
	}
	return false;
}

static void reverse(struct topology *t, unsigned named, uint64_t now_ns)
{
	if (__builtin_popcount(t->contest.witnesses) < CONTEST_WITNESSES)
		return;
	if (t->contest.reversals++ < CONTEST_REVERSALS)
		enter(t, CONTEST_DECIDED, named, now_ns);
	else
		dispute(t, now_ns);
}

/* Follows the arrows of the contest. */
static void contest(struct topology *t, uint64_t now_ns)
{
	struct topology_contest *c = &t->contest;
	unsigned newest, named;
	bool contested;

	/* First: who was overruled is a claimant like others again, and may contest. */
	if (c->state == CONTEST_DECIDED && !is_decision_needed(t, now_ns))
		enter(t, CONTEST_SOLE, PEL_NONE, now_ns);
	newest = newest_claimant(t);
	named = hear_witness(t, newest == PEL_NONE ? 0 : t->members[newest].claim_ns);
	contested = newest != PEL_NONE && is_contested(t, newest, now_ns);
	if (contested)
		c->contested_ns = now_ns;
	switch ((enum topology_contest_state)c->state) {
	case CONTEST_SOLE:
		if (contested)
			dispute(t, now_ns);
		break;
	case CONTEST_DISPUTED:
		if (!contested && is_settled(t, newest, now_ns))
			enter(t, CONTEST_SOLE, PEL_NONE, now_ns);
		else if (named != PEL_NONE && c->reversals <= CONTEST_REVERSALS)
			enter(t, CONTEST_DECIDED, named, now_ns);
		break;
	case CONTEST_DECIDED:
		if (contested)
			dispute(t, now_ns);
		else if (named != PEL_NONE && named != c->chosen)
			reverse(t, named, now_ns);
		break;
	}
}

/* Whether publishing it would be one change too many in a short time. */
static bool is_too_restless(struct topology *t, unsigned slot, uint64_t now_ns)
{
	const struct topology_contest *c = &t->contest;

	return slot != t->writer && c->beside_ns[1] && now_ns < c->beside_ns[1] + CONTEST_CALM_NS &&
		is_rival_left(t, slot);
}

/* The claimant to be published, or PEL_NONE. */
static unsigned choose(struct topology *t, uint64_t now_ns)
{
	unsigned newest;

	contest(t, now_ns);
	newest = newest_claimant(t);
	if (newest == PEL_NONE || t->contest.state == CONTEST_DISPUTED)
		return PEL_NONE;
	if (t->members[newest].overruled) /* the one decided for is out of sight */
		return PEL_NONE;
	return is_incumbent_awaited(t, newest, now_ns) ? t->writer : newest;
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
	if (slot != PEL_NONE && is_too_restless(t, slot, now_ns)) {
		dispute(t, now_ns);
		slot = PEL_NONE;
	}
	if (slot == PEL_NONE && t->contest.state != CONTEST_DISPUTED &&
		topology_is_held(t, t->writer, now_ns))
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

static enum pel_why reason(struct topology *t, uint64_t now_ns)
{
	if (t->contest.state == CONTEST_DISPUTED)
		return PEL_WHY_DISPUTED;
	if (is_unroutable(t, now_ns))
		return PEL_WHY_UNROUTABLE;
	if (topology_is_anyone_live(t))
		return topology_within(t, t->started_ns, TOPOLOGY_REACH_NS, now_ns)
			? PEL_WHY_STARTING
			: PEL_WHY_NO_WRITER;
	if (t->told_why != PEL_WHY_NONE)
		return t->told_why;
	if (t->writerless_ns && t->known_once)
		return PEL_WHY_NO_ANSWER;
	return topology_within(t, t->started_ns, TOPOLOGY_ANSWER_NS, now_ns) ? PEL_WHY_STARTING
									     : PEL_WHY_NO_ANSWER;
}

static void publish(struct topology *t, unsigned slot, uint64_t now_ns)
{
	struct topology_contest *c = &t->contest;

	if (slot != t->writer && is_rival_left(t, slot)) {
		c->beside_ns[1] = c->beside_ns[0];
		c->beside_ns[0] = now_ns;
	}
	t->state = PEL_STATE_KNOWN;
	t->why = PEL_WHY_NONE;
	t->writer = (uint8_t)slot;
	t->writerless_ns = 0;
	t->known_once = true;
	t->verified_ns = t->members[slot].role_received_ns;
	if (t->members[slot].claim_ns)
		t->claim_ns = t->members[slot].claim_ns;
	if (t->members[slot].term.count)
		t->term = t->members[slot].term;
}

/* A table has a writer: none that has told otherwise since. */
static bool is_writer_listed(const struct topology *t)
{
	const struct topology_table *b = &t->table;
	const struct topology_member *m = topology_member(t, b->master);

	return m && (m->self_role != PEL_ROLE_READER || m->role_received_ns < b->received_ns);
}

/* True if somebody says that it is a reader, and nobody a writer; *ret_all: if all have said so. */
static bool are_all_readers(const struct topology *t, bool *ret_all)
{
	bool any = false;

	*ret_all = true;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];
		bool out = m->refuses || m->health == PEL_HEALTH_UNREACHABLE;
		uint8_t says = out ? PEL_ROLE_UNKNOWN : m->self_role;

		if (!m->used || m->twin)
			continue;
		if (says == PEL_ROLE_WRITER)
			return false;
		any |= says == PEL_ROLE_READER;
		*ret_all &= says == PEL_ROLE_READER;
	}
	return any;
}

uint64_t topology_writerless_limit_ns(const struct topology *t)
{
	return t->config.hold_ms ? t->config.hold_ms * UINT64_C(1000000) : TOPOLOGY_WRITERLESS_NS;
}

static bool is_readers_alone(struct topology *t, uint64_t now_ns)
{
	uint64_t since_ns = t->writerless_ns ? t->writerless_ns : t->started_ns;
	bool awaited = t->writerless_ns || t->table.named || topology_word_writer(t) != PEL_NONE;
	uint64_t limit_ns = awaited ? topology_writerless_limit_ns(t) : TOPOLOGY_REACH_NS;
	bool all;

	if (!are_all_readers(t, &all) || is_writer_listed(t) ||
		(t->config.has_table && !t->table.any))
		return false;
	if (t->writer != PEL_NONE)
		return false;
	if (!all && limit_ns < TOPOLOGY_ALONE_NS)
		limit_ns = TOPOLOGY_ALONE_NS;
	return t->state == PEL_STATE_KNOWN || !topology_within(t, since_ns, limit_ns, now_ns);
}

/* An earlier daemon knew a writer; those who answer say that they are none. */
static bool is_begun_writerless(struct topology *t, uint64_t now_ns)
{
	bool all;

	return t->state == PEL_STATE_UNKNOWN && !t->known_once && t->writerless_ns &&
		are_all_readers(t, &all) &&
		topology_within(t, t->writerless_ns, topology_writerless_limit_ns(t), now_ns);
}

static void withdraw(struct topology *t, uint64_t now_ns)
{
	const struct topology_member *w = topology_member(t, t->writer);
	/* Nobody can log in any more, or it says nothing: whether there is a writer is not known. */
	bool blind = w && w->health != PEL_HEALTH_UNREACHABLE &&
		(w->lapsed || (!w->live && now_ns >= w->role_received_ns + TOPOLOGY_HOLD_NS));

	/* Of readers alone nobody awaits a writer, unless one claims. */
	if (!w)
		blind = newest_claimant(t) == PEL_NONE;
	if (w || !blind)
		t->writerless_ns = now_ns;
	t->writer = PEL_NONE;
	t->state = blind ? PEL_STATE_UNKNOWN : PEL_STATE_WRITERLESS;
}

void topology_confirm(struct topology *t, uint64_t now_ns)
{
	unsigned slot = t->word_alone ? topology_word_writer(t) : verify(t, now_ns);

	if (slot != PEL_NONE) {
		publish(t, slot, now_ns);
		return;
	}
	if (!t->word_alone && is_readers_alone(t, now_ns)) {
		t->state = PEL_STATE_KNOWN;
		t->why = PEL_WHY_NONE;
		t->known_once = true;
		return;
	}
	if (t->state == PEL_STATE_KNOWN)
		withdraw(t, now_ns);
	else if (is_begun_writerless(t, now_ns))
		t->state = PEL_STATE_WRITERLESS;
	if (t->state == PEL_STATE_WRITERLESS &&
		(is_unroutable(t, now_ns) ||
			!topology_within(t, t->writerless_ns, topology_writerless_limit_ns(t),
				now_ns)))
		t->state = PEL_STATE_UNKNOWN;
	if (t->state == PEL_STATE_UNKNOWN) {
		t->why = reason(t, now_ns);
		t->term = (struct evidence_term){0}; /* whoever begins anew counts from there */
	} else {
		t->why = t->contest.state == CONTEST_DISPUTED ? PEL_WHY_DISPUTED : PEL_WHY_NONE;
	}
}

void topology_assign_roles(struct topology *t)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (!m->used || m->twin)
			continue;
		if (i == t->writer)
			m->role = PEL_ROLE_WRITER;
		else if (m->refuses)
			m->role = PEL_ROLE_UNKNOWN;
		else if (m->self_role == PEL_ROLE_READER)
			m->role = PEL_ROLE_READER;
		else if (m->self_role == PEL_ROLE_WRITER || m->role == PEL_ROLE_WRITER)
			m->role = PEL_ROLE_UNKNOWN;
	}
}
