/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topology of a cluster: its life, and what a change means to those who look at it.
 *
 * Feeding functions have a rule change what is known, and end in settle(): it lets all rules conclude,
 * then compares the conclusions with those that the caller was last told.  The generation moves
 * for what may sever a socket and for nothing else; the epoch for everything that a user would call
 * a change; neither for lag, CPU, round trip and times.
 */
#include "state.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

void topology_init(struct topology *t, const struct topology_config *config, uint64_t uid,
	uint64_t now_ns)
{
	*t = (struct topology){
		.config = *config,
		.uid = uid,
		.generation = 1,
		.epoch = 1,
		.state = PEL_STATE_UNKNOWN,
		.why = PEL_WHY_STARTING,
		.writer = PEL_NONE,
		.started_ns = now_ns,
		.deadline_ns = now_ns + TOPOLOGY_TICK_NS,
		.table = {.teller = PEL_NONE, .master = PEL_NONE},
		.contest = {.chosen = PEL_NONE, .named = PEL_NONE},
		.shown = {.state = PEL_STATE_UNKNOWN, .why = PEL_WHY_STARTING, .writer = PEL_NONE},
	};
}

int topology_add_name(struct topology *t, const char *name, enum pel_role role, uint16_t port)
{
	uint64_t hash = pel_name_hash(name);
	unsigned at = t->n_names;
	struct topology_name *n;

	for (unsigned i = 0; i < t->n_names; i++) {
		if (t->names[i].hash == hash && strcmp(t->names[i].text, name) == 0)
			return (int)i;
		if (!t->names[i].hash && at == t->n_names)
			at = i;
	}
	if (at == PEL_MAP_NAMES || strlen(name) >= sizeof(n->text))
		return -ENOSPC;
	n = &t->names[at];
	*n = (struct topology_name){.hash = hash, .role = (uint8_t)role, .port = port};
	strcpy(n->text, name);
	t->n_names += at == t->n_names;
	return (int)at;
}

int topology_adopt_name(struct topology *t, const struct topology_name *name, enum pel_role role,
	uint64_t now_ns)
{
	int i = topology_add_name(t, name->text, role, name->port);
	struct topology_name *n;

	if (i < 0)
		return i;
	n = &t->names[i];
	*n = *name;
	n->role = (uint8_t)role;
	n->left = n->met = n->listed = false;
	n->arrived = true;
	n->away_ns = 0;
	n->alias = (struct pel_addr){0};
	memset(n->members_seen_ns, 0, sizeof(n->members_seen_ns));
	n->moved_ns[0] = now_ns;
	n->moved_ns[1] = name->moved_ns[0];
	return i;
}

bool topology_has_left(const struct topology *t, unsigned name)
{
	return name < t->n_names && t->names[name].left;
}

void topology_remove_name(struct topology *t, unsigned name)
{
	struct topology_name *n = &t->names[name];

	if (topology_same_addr(&t->scout, &n->lead))
		t->scout = (struct pel_addr){0};
	*n = (struct topology_name){0};
	t->epoch++;
}

bool topology_is_troubled(const struct topology *t)
{
	const struct topology_member *w = topology_member(t, t->writer);

	if (t->word_alone)
		return false;
	if (t->state == PEL_STATE_WRITERLESS)
		return true;
	if (t->state == PEL_STATE_UNKNOWN)
		return !t->dns_only && t->why != PEL_WHY_UNROUTABLE;
	if (!w)
		return false; /* readers alone */
	if (t->veto_ns || !w->live || w->self_role != PEL_ROLE_WRITER ||
		(w->health != PEL_HEALTH_OK && w->health != PEL_HEALTH_UNKNOWN))
		return true;
	if (topology_is_behind(t, &w->term)) /* it follows, or has lost its group */
		return true;
	/* The table names another or nobody: one answer of the writer after that settles it. */
	if (t->table.any && t->table.master != t->writer &&
		t->table.received_ns > w->role_received_ns)
		return true;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (m->used && !m->twin &&
			(m->unsettled || (i != t->writer && m->claim_ns && !m->overruled)))
			return true;
	}
	return false;
}

static struct topology_shown_member show_member(const struct topology *t,
	const struct topology_member *m)
{
	enum pel_health health = topology_health(t, m);

	if (!m->used || m->twin)
		return (struct topology_shown_member){0};
	return (struct topology_shown_member){
		.used = true,
		.routable = m->routable,
		.lagged = m->lagged,
		.role = m->role,
		.self_role = m->self_role,
		/* A close look is no news. */
		.health = health == PEL_HEALTH_SUSPECT ? PEL_HEALTH_OK : (uint8_t)health,
		.admission = (uint8_t)topology_admission(t, m),
		.identity = m->identity,
	};
}

static unsigned compare_member(const struct topology_shown_member *was,
	const struct topology_shown_member *is)
{
	unsigned bits = 0;

	/* Gone, or somewhere else: its sockets lead to nobody's instance. */
	if (was->used && was->identity && (!is->used || is->identity != was->identity))
		bits |= TOPOLOGY_SEVER | TOPOLOGY_EPOCH;
	if (is->used && is->health == PEL_HEALTH_UNREACHABLE && was->health != is->health)
		bits |= TOPOLOGY_SEVER | TOPOLOGY_EPOCH;
	if (was->self_role == PEL_ROLE_WRITER && is->self_role == PEL_ROLE_READER)
		bits |= TOPOLOGY_SEVER | TOPOLOGY_EPOCH;
	if (was->used != is->used || was->routable != is->routable || was->lagged != is->lagged ||
		was->role != is->role || was->health != is->health ||
		was->admission != is->admission || was->identity != is->identity)
		bits |= TOPOLOGY_EPOCH;
	return bits;
}

/* What differs from what the caller was last told. */
static unsigned compare(struct topology *t)
{
	struct topology_shown *s = &t->shown;
	unsigned bits = 0;

	if (s->writer != t->writer)
		bits |= TOPOLOGY_SEVER | TOPOLOGY_EPOCH |
			(t->writer != PEL_NONE ? TOPOLOGY_WRITER : 0);
	if (s->state != t->state || s->why != t->why || s->dns_only != t->dns_only)
		bits |= TOPOLOGY_EPOCH | (s->state == PEL_STATE_UNKNOWN ? TOPOLOGY_FIRST : 0);
	s->state = t->state;
	s->why = t->why;
	s->writer = t->writer;
	s->dns_only = t->dns_only;
	return bits;
}

static unsigned compare_members(struct topology *t)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_shown_member is = show_member(t, &t->members[i]);

		bits |= compare_member(&t->shown.members[i], &is);
		/* It shows where it is: a socket that DNS led there meanwhile could not be judged. */
		if (t->state == PEL_STATE_KNOWN && !t->shown.members[i].identity && is.identity &&
			is.role == PEL_ROLE_READER)
			bits |= TOPOLOGY_SEVER | TOPOLOGY_EPOCH;
		t->shown.members[i] = is;
	}
	return bits;
}

/* The table that goes on naming another than the writer that confirms itself is not just late. */
static unsigned judge_table(struct topology *t, uint64_t now_ns)
{
	bool differs = t->state == PEL_STATE_KNOWN && t->table.any && t->table.master != PEL_NONE &&
		t->table.master != t->writer;

	if (!differs) {
		t->lie_ns = 0;
		t->lie_told = false;
		return 0;
	}
	if (!t->lie_ns)
		t->lie_ns = now_ns;
	if (t->lie_told || topology_within(t, t->lie_ns, TOPOLOGY_LIE_NS, now_ns))
		return 0;
	t->lie_told = true;
	return TOPOLOGY_LIE;
}

/* Lets the rules conclude from what was changed; `bits` and what that adds. */
static unsigned settle(struct topology *t, uint64_t now_ns, unsigned bits)
{
	t->deadline_ns = now_ns + TOPOLOGY_TICK_NS;
	bits |= topology_conclude_bonds(t, now_ns);
	topology_conclude_words(t);
	topology_fold(t, now_ns);
	topology_choose(t, now_ns);
	topology_confirm(t, now_ns);
	bits |= topology_forget(t); /* never the writer */
	topology_assign_roles(t);
	topology_admit(t, now_ns);
	bits |= topology_conclude_names(t, now_ns);
	bits |= judge_table(t, now_ns);
	bits |= compare_members(t);
	bits |= compare(t);
	if (bits & TOPOLOGY_SEVER)
		t->generation++;
	if (bits & TOPOLOGY_EPOCH)
		t->epoch++;
	return bits;
}

unsigned topology_tick(struct topology *t, uint64_t now_ns)
{
	return settle(t, now_ns, 0);
}

unsigned topology_set_why(struct topology *t, enum pel_why why, uint64_t now_ns)
{
	t->told_why = why;
	return settle(t, now_ns, 0);
}

unsigned topology_configure(struct topology *t, const struct topology_config *config,
	uint64_t now_ns)
{
	bool renamed = strcmp(t->config.domain, config->domain) != 0 ||
		strcmp(t->config.pattern, config->pattern) != 0;
	bool hold = t->config.hold_ms != config->hold_ms; /* who waits looks anew */

	t->config = *config;
	for (unsigned i = 0; renamed && i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (m->used && !m->configured &&
			pel_name_of_instance(m->id, config->domain,
				config->pattern[0] ? config->pattern : NULL, m->host) < 0)
			m->host[0] = '\0';
	}
	return settle(t, now_ns,
		TOPOLOGY_DATA | (renamed ? TOPOLOGY_MEMBERS : 0) | (hold ? TOPOLOGY_SEVER : 0));
}

unsigned topology_reset(struct topology *t, uint16_t port, enum pel_why why, uint64_t now_ns)
{
	topology_forget_all(t, now_ns);
	t->scout = (struct pel_addr){0};
	t->told_why = (uint8_t)why;
	t->state = PEL_STATE_UNKNOWN;
	t->writerless_ns = 0;
	for (unsigned i = 0; i < t->n_names; i++) {
		if (t->names[i].port == t->config.port)
			t->names[i].port = port;
	}
	t->config.port = port;
	return settle(t, now_ns, TOPOLOGY_MEMBERS | TOPOLOGY_EPOCH);
}

void topology_wish(struct topology *t, const char *id, bool firm, uint64_t now_ns)
{
	struct topology_wish *w = &t->wish;

	if (!id && !w->firm)
		return;
	if (!id || strlen(id) >= sizeof(w->id))
		id = "";
	if (w->firm != firm || strcmp(w->id, id) != 0)
		w->since_ns = now_ns;
	strcpy(w->id, id);
	w->firm = firm;
}

void topology_await_writer(struct topology *t, uint64_t since_ns)
{
	if (t->started_ns < since_ns + topology_writerless_limit_ns(t))
		t->writerless_ns = since_ns;
}

static struct topology_member *member(struct topology *t, unsigned slot)
{
	return topology_member(t, slot) ? &t->members[slot] : NULL;
}

void topology_set_zone(struct topology *t, unsigned slot, const char *zone)
{
	if (topology_member(t, slot) && *zone && strlen(zone) < sizeof(t->members[slot].zone))
		strcpy(t->members[slot].zone, zone);
}

void topology_set_port(struct topology *t, unsigned slot, const char *host, uint16_t port)
{
	struct topology_member *m = member(t, slot);

	if (!m || port == 0)
		return;
	if (port == m->told_port || m->configured || m->named || strcmp(m->host, host) != 0)
		return;
	m->told_port = port;
	if (m->live)
		return;
	m->port = port;
	m->want.port = 0; /* that of the last login */
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

/* A rule that returns no bit has changed nothing. */
static unsigned changed(struct topology *t, uint64_t now_ns, unsigned bits)
{
	return bits ? settle(t, now_ns, bits) : 0;
}

unsigned topology_feed(struct topology *t, unsigned slot, const struct evidence *e)
{
	unsigned bits = topology_take_answer(t, slot, e);

	if (bits && !(bits & TOPOLOGY_REJECTED) && (e->has & EVIDENCE_HOSTS))
		bits |= topology_take_hosts(t, slot, e);
	if (bits && (e->has & EVIDENCE_REPLICAS))
		bits |= topology_take_replicas(t, slot, e);
	return changed(t, e->received_ns, bits);
}

unsigned topology_feed_scout(struct topology *t, const struct evidence *e, unsigned *ret_slot)
{
	unsigned bits = topology_take_scout(t, e, ret_slot);

	return e->has & EVIDENCE_IDENTITY ? settle(t, e->received_ns, bits) : 0;
}

unsigned topology_feed_green(struct topology *t, const struct evidence *e, unsigned *ret_slot)
{
	*ret_slot = PEL_NONE;
	return settle(t, e->received_ns, topology_take_green(t, e, ret_slot));
}

unsigned topology_feed_lost(struct topology *t, unsigned slot, uint64_t now_ns)
{
	return changed(t, now_ns, topology_take_lost(t, slot));
}

unsigned topology_feed_health(struct topology *t, unsigned slot, enum pel_health health,
	uint32_t rtt_us, uint64_t now_ns)
{
	struct topology_member *m = member(t, slot);

	if (!m || (m->health == health && m->rtt_us == rtt_us))
		return 0;
	m->health = (uint8_t)health;
	m->rtt_us = rtt_us;
	return settle(t, now_ns, TOPOLOGY_DATA);
}

unsigned topology_feed_dns(struct topology *t, unsigned name, const struct topology_dns *dns,
	uint64_t now_ns)
{
	return changed(t, now_ns, topology_take_dns(t, name, dns, now_ns));
}

unsigned topology_feed_host(struct topology *t, unsigned slot, const struct topology_dns *dns,
	uint64_t now_ns)
{
	return changed(t, now_ns, topology_take_host(t, slot, dns, now_ns));
}

unsigned topology_feed_words(struct topology *t, const struct evidence_host *words, unsigned n,
	uint64_t now_ns)
{
	return changed(t, now_ns, topology_take_words(t, words, n, now_ns));
}

unsigned topology_feed_kept(struct topology *t, const struct evidence *e)
{
	return settle(t, e->received_ns, topology_take_kept(t, e));
}

unsigned topology_feed_admission(struct topology *t, unsigned slot, enum pel_admission admission,
	bool by_hand, uint64_t now_ns)
{
	struct topology_member *m = member(t, slot);

	if (!m)
		return 0;
	m->admission = (uint8_t)admission;
	m->admission_forced = by_hand && admission == PEL_ADMIT_HELD;
	m->unwarmed = false;
	return settle(t, now_ns, TOPOLOGY_DATA);
}

unsigned topology_feed_warmed(struct topology *t, unsigned slot, uint64_t now_ns)
{
	struct topology_member *m = member(t, slot);

	if (!m)
		return 0;
	m->warmed = true;
	m->unwarmed = false;
	if (m->admission == PEL_ADMIT_WARMING)
		m->admission = PEL_ADMIT_NEW;
	return settle(t, now_ns, TOPOLOGY_DATA);
}

unsigned topology_feed_unwarmed(struct topology *t, unsigned slot, uint64_t now_ns)
{
	struct topology_member *m = member(t, slot);

	if (!m)
		return 0;
	m->admission = PEL_ADMIT_HELD;
	m->unwarmed = true;
	return settle(t, now_ns, TOPOLOGY_DATA);
}

unsigned topology_feed_warm(struct topology *t, unsigned slot, uint16_t done, uint16_t total,
	bool elsewhere, uint64_t now_ns)
{
	struct topology_member *m = member(t, slot);

	if (!m)
		return 0;
	m->warm_done = done;
	m->warm_total = total;
	m->warm_elsewhere = elsewhere;
	return settle(t, now_ns, TOPOLOGY_DATA);
}
