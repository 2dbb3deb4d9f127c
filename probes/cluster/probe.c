/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's instances: one connection each, the questions on it, and what the answers feed.
 *
 * `first` is the connection that questions use.  `second` exists for a close look of health.h, or
 * because the instance's host has moved to another address; when it is logged in and the first is
 * gone or dead, it takes the first one's place and says who it is there.  At another address than a
 * first one that works it has to say so before: DNS may lie.
 */
#include "internal.h"

#include <errno.h>
#include <mysqld_error.h>
#include <string.h>

#define QUESTION_LIMIT_NS (60 * LOOP_S) /* long before this, health.h has decided */
#define SECOND_EACH_NS (50 * LOOP_MS)
#define SECOND_LIMIT_NS (5 * LOOP_S) /* to say who it is */

static void first_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure);
static void second_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure);

static uint64_t probe_now(const struct probe *p)
{
	return cluster_now(p->cluster);
}

const char *probe_host(const struct probe *p)
{
	return p->host[0] ? p->host : p->cluster->title;
}

void probe_first_drop(struct probe *p, bool by_peer)
{
	struct cluster *c = p->cluster;
	bool told = p->first.told;

	if (!p->first.member)
		return;
	link_close(&c->links, &p->first);
	health_closed(&p->health, c->o->witness, by_peer, probe_now(p));
	if (told)
		cluster_note(c, topology_feed_lost(&c->topology, p->slot, probe_now(p)));
	cluster_kick(c);
}

/* The first connection is no more: the schedule decides when the next is tried. */
static void first_lost(struct probe *p, bool by_peer)
{
	probe_first_drop(p, by_peer);
	if (p->scheduled)
		schedule_lost(&p->cluster->schedule, p->slot, probe_now(p));
}

static void first_failed(struct probe *p, const struct member_failure *failure)
{
	struct cluster *c = p->cluster;
	bool unnoticed = failure->kind == MEMBER_REFUSED && !failure->heard;

	link_failed(&c->links, &p->first, failure);
	probe_health_failed(p, failure);
	/* Also if it is back at once: who hands over in good order first sends everybody away. */
	if (failure->kind == MEMBER_LOST && p->slot == c->topology.writer)
		cluster_alarm(c);
	if (failure->kind == MEMBER_REFUSED)
		cluster_note(c, topology_feed_lost(&c->topology, p->slot, probe_now(p)));
	if (failure->kind != MEMBER_DENIED && failure->kind != MEMBER_LOST)
		topology_login_failed(&c->topology, p->slot);
	if (unnoticed && p->scheduled) {
		probe_first_drop(p, false);
		schedule_refused(&c->schedule, p->slot, probe_now(p));
		return;
	}
	first_lost(p, failure->kind == MEMBER_LOST);
}

static void ask(struct probe *p, enum dialect_question question, const char *query)
{
	if (question == DIALECT_BLUEGREEN)
		p->cluster->bluegreen_asked_ns = probe_now(p);
	p->asking = (uint8_t)question;
	health_asked(&p->health, probe_now(p));
	topology_asked(&p->cluster->topology, p->slot, probe_now(p));
	if (member_ask(p->first.member, query, QUESTION_LIMIT_NS) < 0)
		first_lost(p, false);
}

static int login(struct probe *p, struct link *link, const struct pel_addr *addr,
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure))
{
	const struct link_options options = {.addr = addr,
		.host = cluster_green_host(p->cluster, p, probe_host(p)),
		.urgent = link == &p->second,
		.told = told,
		.ctx = p};

	return link_open(&p->cluster->links, link, &options);
}

static bool addr_is(const struct pel_addr *a, const struct pel_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Another server answered there, and it is not yet time to ask again. */
static bool is_rejected(const struct probe *p, const struct pel_addr *addr)
{
	return addr_is(addr, &p->rejected) && probe_now(p) < p->stranger.due_ns;
}

static void reject(struct probe *p, const struct pel_addr *addr)
{
	p->rejected = *addr;
	pace_next(&p->stranger, PACE_STRANGER, probe_now(p), 1u + p->slot);
}

/* Where its host leads; while another server answers there, where it was met last. */
static bool login_addr(const struct probe *p, struct pel_addr *ret)
{
	const struct topology *t = &p->cluster->topology;

	if (!topology_login_addr(t, p->slot, ret))
		return false;
	if (is_rejected(p, ret) && t->members[p->slot].addr.family)
		*ret = t->members[p->slot].addr;
	return true;
}

static void connect_begin(struct probe *p)
{
	struct cluster *c = p->cluster;
	struct pel_addr addr;
	uint64_t due = 0;
	int r = -EADDRNOTAVAIL;

	if (p->first.member)
		return; /* the second has just taken its place, and will report */
	if (login_addr(p, &addr)) {
		if (is_rejected(p, &addr))
			due = p->stranger.due_ns;
		r = due ? -EAGAIN : login(p, &p->first, &addr, first_told);
		if (links_due_ns(&c->links, &addr) > due)
			due = links_due_ns(&c->links, &addr);
	}
	if (r == -EACCES || r == -EAGAIN)
		schedule_rest(&c->schedule, p->slot, due);
	else if (r < 0)
		schedule_lost(&c->schedule, p->slot, probe_now(p));
}

/* Where there is more to ask for than the role; at leisure, of readers the lag. */
static enum dialect_question question_of(const struct probe *p, enum schedule_kind kind)
{
	const struct cluster *c = p->cluster;
	const char *const *queries = c->dialect->queries;
	bool writes = p->slot == c->topology.writer;
	bool told = cluster_is_told(c) && probe_now(p) >= c->replicas_due_ns;

	if (kind != SCHEDULE_TABLE)
		return cluster_bluegreen_is_due(c, p->slot) ? DIALECT_BLUEGREEN : DIALECT_ROLE;
	if (queries[DIALECT_LAG] && !c->alarm && !writes)
		return DIALECT_LAG;
	if (queries[DIALECT_REPLICAS] && !c->alarm && writes && told)
		return DIALECT_REPLICAS;
	return queries[DIALECT_TABLE] ? DIALECT_TABLE : DIALECT_ROLE;
}

static const char *words_of(const struct probe *p, enum dialect_question question)
{
	const struct dialect *d = p->cluster->dialect;

	return p->old_words & 1u << question && d->older[question] ? d->older[question]
								   : d->queries[question];
}

void probe_act(struct probe *p, enum schedule_kind kind)
{
	enum dialect_question question;

	if (kind == SCHEDULE_CONNECT) {
		connect_begin(p);
		return;
	}
	if (!p->first.member || !member_is_idle(p->first.member)) {
		schedule_answered(&p->cluster->schedule, p->slot, probe_now(p));
		return;
	}
	question = question_of(p, kind);
	ask(p, question, words_of(p, question));
}

/* The known writer says so again, and nobody doubts it. */
static void confirm(struct probe *p, const struct evidence *e)
{
	struct cluster *c = p->cluster;

	if ((e->has & EVIDENCE_ROLE) && e->role == PEL_ROLE_WRITER &&
		c->topology.writer == p->slot && !topology_is_troubled(&c->topology))
		schedule_confirmed(&c->schedule, e->received_ns);
}

static void hello_answered(struct probe *p, const struct member_answer *answer)
{
	struct cluster *c = p->cluster;
	struct evidence e;
	struct pel_addr addr;
	unsigned bits;

	if (cluster_read(c, &p->first, DIALECT_HELLO, answer, &e) < 0) {
		link_useless(&c->links, &p->first);
		first_lost(p, false);
		return;
	}
	bits = topology_feed(&c->topology, p->slot, &e);
	cluster_note(c, bits);
	if (bits & TOPOLOGY_REJECTED) { /* it rests until its host leads elsewhere */
		reject(p, &p->first.addr);
		first_lost(p, false);
		return;
	}
	if (topology_login_addr(&c->topology, p->slot, &addr) && addr_is(&addr, &p->first.addr)) {
		p->rejected = (struct pel_addr){0};
		pace_well(&p->stranger);
	}
	link_told(&c->links, &p->first);
	schedule_connected(&c->schedule, p->slot, answer->received_ns);
	confirm(p, &e);
}

static bool is_live(const struct probe *p)
{
	const struct topology_member *m = topology_member(&p->cluster->topology, p->slot);

	return m && m->live;
}

/* A server that does not parse these words may parse the others. */
static void leisure_failed(struct probe *p, const struct member_answer *answer)
{
	struct cluster *c = p->cluster;

	if (answer->error == ER_PARSE_ERROR)
		p->old_words ^= (uint8_t)(1u << p->asking);
	if (answer->error == ER_PARSE_ERROR && p->old_words & 1u << p->asking)
		return;
	if (p->asking == DIALECT_REPLICAS)
		c->replicas_due_ns = answer->received_ns + pace_wait_ns(PACE_SCOUT_REST, 1, 0);
	if (dialect_why(answer->error) == PEL_WHY_DENIED)
		cluster_say_denied(c, (enum dialect_question)p->asking, answer->text);
}

static void first_answered(struct probe *p, const struct member_answer *answer)
{
	struct cluster *c = p->cluster;
	uint32_t rtt_us = (uint32_t)((answer->received_ns - answer->sent_ns) / 1000);
	struct evidence e;

	health_spoke(&p->health, c->o->witness, p->asking == DIALECT_ROLE ? rtt_us : 0,
		answer->received_ns);
	topology_answered(&c->topology, p->slot);
	if (p->asking == DIALECT_HELLO) {
		hello_answered(p, answer);
		return;
	}
	if (!is_live(p)) {
		first_lost(p, false); /* who this is has to be said anew */
		return;
	}
	if ((p->asking == DIALECT_LAG || p->asking == DIALECT_REPLICAS) && answer->error)
		leisure_failed(p, answer);
	if (cluster_read(c, &p->first, (enum dialect_question)p->asking, answer, &e) < 0)
		e.has = 0;
	else
		link_told(&c->links, &p->first);
	cluster_note(c, topology_feed(&c->topology, p->slot, &e));
	confirm(p, &e);
	schedule_answered(&c->schedule, p->slot, answer->received_ns);
	cluster_kick(c);
}

static void first_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct probe *p = ctx;
	struct cluster *c = p->cluster;

	switch (event) {
	case MEMBER_DIALLED:
		health_dialled(&p->health, probe_now(p));
		break;
	case MEMBER_ACCEPTED:
		p->first.accepted = true;
		health_accepted(&p->health, c->o->witness, true, probe_now(p));
		break;
	case MEMBER_READY:
		link_ready(&c->links, &p->first);
		health_spoke(&p->health, c->o->witness, 0, probe_now(p));
		ask(p, DIALECT_HELLO, cluster_hello(c));
		break;
	case MEMBER_ANSWERED:
		first_answered(p, answer);
		break;
	case MEMBER_FAILED:
		first_failed(p, failure);
		break;
	}
	cluster_kick(c);
}

/* The second connection takes the first one's place and is asked who it is. */
static void second_promote(struct probe *p)
{
	struct cluster *c = p->cluster;

	if (p->first.member) {
		link_close(&c->links, &p->first);
		health_closed(&p->health, c->o->witness, false, probe_now(p));
	}
	if (p->scheduled)
		schedule_lost(&c->schedule, p->slot, probe_now(p));
	p->first = p->second;
	p->second = (struct link){.ticket = NO_TICKET};
	member_hand_over(p->first.member, first_told, p);
	health_accepted(&p->health, c->o->witness, true, probe_now(p));
	health_spoke(&p->health, c->o->witness, 0, probe_now(p));
	ask(p, DIALECT_HELLO, cluster_hello(c));
}

/* Where its host leads now: to the member itself, or by a lie of DNS to another. */
static void second_answered(struct probe *p, const struct member_answer *answer)
{
	struct cluster *c = p->cluster;
	const struct topology_member *m = topology_member(&c->topology, p->slot);
	struct evidence e;

	if (cluster_read(c, &p->second, DIALECT_HELLO, answer, &e) < 0) {
		link_useless(&c->links, &p->second);
		link_close(&c->links, &p->second);
	} else if (m && e.id[0] && strcmp(e.id, m->id) != 0) {
		reject(p, &p->second.addr);
		link_close(&c->links, &p->second);
	} else {
		second_promote(p);
	}
}

static void second_ready(struct probe *p)
{
	struct cluster *c = p->cluster;

	link_ready(&c->links, &p->second);
	if (p->first.told && !addr_is(&p->first.addr, &p->second.addr)) {
		if (member_ask(p->second.member, c->dialect->queries[DIALECT_HELLO],
			    SECOND_LIMIT_NS) < 0)
			link_close(&c->links, &p->second);
		return;
	}
	health_spoke(&p->health, c->o->witness, 0, probe_now(p));
	if (!p->first.told || p->health.looked_unacked)
		second_promote(p);
	else
		link_close(&c->links, &p->second);
}

static void second_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct probe *p = ctx;
	struct cluster *c = p->cluster;

	switch (event) {
	case MEMBER_DIALLED:
		health_dialled(&p->health, probe_now(p));
		break;
	case MEMBER_ACCEPTED:
		p->second.accepted = true;
		health_accepted(&p->health, c->o->witness, false, probe_now(p));
		break;
	case MEMBER_READY:
		second_ready(p);
		break;
	case MEMBER_ANSWERED:
		second_answered(p, answer);
		break;
	case MEMBER_FAILED:
		link_failed(&c->links, &p->second, failure);
		probe_health_failed(p, failure);
		link_close(&c->links, &p->second);
		break;
	}
	cluster_kick(c);
}

static void second_open(struct probe *p, const struct pel_addr *addr)
{
	uint64_t now = probe_now(p);

	if (p->second.accepted || now < p->opened_ns + SECOND_EACH_NS)
		return;
	link_close(&p->cluster->links,
		&p->second); /* a SYN that waits is from before a trouble of our own */
	p->opened_ns = now;
	(void)login(p, &p->second, addr, second_told);
}

void probe_second_open(struct probe *p)
{
	struct pel_addr addr;

	if (!login_addr(p, &addr))
		return;
	if (p->first.member && addr_is(&addr, &p->rejected))
		addr = p->first.addr;
	second_open(p, &addr);
}

void probe_adopt(struct probe *p, struct link *link, const struct evidence *e)
{
	struct cluster *c = p->cluster;

	p->first = *link;
	*link = (struct link){.ticket = NO_TICKET};
	member_hand_over(p->first.member, first_told, p);
	health_accepted(&p->health, c->o->witness, true, probe_now(p));
	health_spoke(&p->health, c->o->witness, 0, e->received_ns);
	if (!p->scheduled) {
		schedule_add(&c->schedule, p->slot, probe_now(p));
		p->scheduled = true;
	}
	schedule_connected(&c->schedule, p->slot, probe_now(p));
}

static void probe_stop(struct probe *p)
{
	struct cluster *c = p->cluster;

	if (!p->used)
		return;
	link_close(&c->links, &p->first);
	link_close(&c->links, &p->second);
	resolve_cancel(p->query);
	if (p->scheduled)
		schedule_remove(&c->schedule, p->slot);
	*p = (struct probe){.first.ticket = NO_TICKET, .second.ticket = NO_TICKET};
}

static void probe_start(struct cluster *c, unsigned slot, const struct topology_member *m)
{
	struct probe *p = &c->probes[slot];

	*p = (struct probe){.cluster = c,
		.slot = (uint8_t)slot,
		.used = true,
		.first.ticket = NO_TICKET,
		.second.ticket = NO_TICKET,
		.health_due_ns = LOOP_NEVER};
	memcpy(p->host, m->host, sizeof(p->host));
	health_init(&p->health, probe_now(p));
}

void cluster_probes_sync(struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(&c->topology, i);
		struct probe *p = &c->probes[i];

		if (p->used && (!m || strcmp(p->host, m->host) != 0))
			probe_stop(p);
		if (m && !p->used)
			probe_start(c, i, m);
	}
	cluster_kick(c);
}

void cluster_probes_move(struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct probe *p = &c->probes[i];
		struct pel_addr addr;

		if (!p->used || !topology_login_addr(&c->topology, i, &addr))
			continue;
		if (!p->first.member) /* what it rests for was at another address */
			schedule_retry(&c->schedule, i, cluster_now(c));
		if (!p->first.member || addr_is(&addr, &p->first.addr) || is_rejected(p, &addr))
			continue;
		if (!p->second.member || !addr_is(&addr, &p->second.addr))
			second_open(p, &addr);
	}
}

void cluster_probes_free(struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		probe_stop(&c->probes[i]);
}
