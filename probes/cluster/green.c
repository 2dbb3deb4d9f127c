/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The green side of a blue/green deployment: its hosts, and a connection to its writer.
 *
 * Only hosts X-green-..., where X is an endpoint of ours or lives in our domain, are logged in to, where
 * no member of ours is known.  Their addresses are kept, for DNS may be late in the midst of it.  When
 * green takes writes, all is learnt anew from its writer.
 */
#include "green.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define QUESTION_LIMIT_NS (2 * LOOP_S)

static bool is_member_at(const struct cluster *c, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(&c->topology, i);

		if (m &&
			(green_has_addr(&m->addr, 1, addr) ||
				green_has_addr(m->host_addrs, m->n_host, addr)))
			return true;
	}
	return false;
}

void cluster_green_find(struct cluster *c)
{
	if (!c->green) {
		c->green = calloc(1, sizeof(*c->green));
		if (c->green)
			*c->green = (struct green){.link.ticket = NO_TICKET, .n_hosts = 1};
	} else {
		c->green->due_ns = 0;
	}
}

void cluster_green_free(struct cluster *c)
{
	if (!c->green)
		return;
	link_close(&c->links, &c->green->link);
	for (unsigned i = 0; i < c->green->n_hosts; i++)
		resolve_cancel(c->green->hosts[i].query);
	free(c->green);
	c->green = NULL;
	cluster_names_hurry(c);
}

void cluster_green_note(struct cluster *c, const struct bluegreen_table *t)
{
	struct green *g = c->green;
	char base[PEL_NAME_MAX];

	for (unsigned i = 0; g && !g->stands && i < t->n; i++) {
		const struct bluegreen_row *r = &t->rows[i];
		struct green_host *h = &g->hosts[0];

		if (!r->green || !cluster_takes_over(c, r->host, base))
			continue;
		if (pel_name_kind(r->host) != PEL_KIND_WRITER)
			h = green_host_of(g, base);
		if (!h && g->n_hosts <= PEL_MAP_INSTANCES)
			h = &g->hosts[g->n_hosts++];
		if (!h || strcmp(h->host, r->host) == 0)
			continue;
		resolve_cancel(h->query);
		*h = (struct green_host){.cluster = c};
		strcpy(h->host, r->host);
		strcpy(h->base, base);
		cluster_kick(c);
	}
}

static void end_link(struct cluster *c, enum pace_kind pace)
{
	link_close(&c->links, &c->green->link);
	c->green->identified = false;
	c->green->due_ns = cluster_now(c) + pace_wait_ns(pace, 1, 0);
}

static void host_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct green_host *h = ctx;
	struct green *g = h->cluster->green;
	unsigned n = 0;

	h->query = NULL;
	h->failures = answer->status == 0 ? 0 : h->failures + (h->failures < 8);
	for (unsigned i = 0; i < answer->n_addrs && n < TOPOLOGY_HOST_ADDRS; i++) {
		if (!is_member_at(h->cluster, &answer->addrs[i]))
			h->addrs[n++] = answer->addrs[i];
	}
	if (n)
		h->n_addrs = n;
	/* Its writer is another by now. */
	if (n && h == &g->hosts[0] && g->link.member && !g->turning &&
		!green_has_addr(h->addrs, n, &g->link.addr))
		end_link(h->cluster, PACE_DIAL);
	cluster_kick(h->cluster);
}

static uint64_t host_due_ns(const struct green_host *h)
{
	if (h->query || !h->host[0])
		return LOOP_NEVER;
	return h->asked_ns ? h->asked_ns +
			pace_wait_ns(h->failures ? PACE_HOST_FAILED : PACE_HOST, h->failures, 0)
			   : 0;
}

static void ask(struct cluster *c, enum dialect_question question)
{
	c->green->question = (uint8_t)question;
	if (member_ask(c->green->link.member, c->dialect->queries[question], QUESTION_LIMIT_NS) < 0)
		end_link(c, PACE_DIAL);
}

/* Sooner while somebody waits, and soonest where no server has noticed. */
static enum pace_kind pace_after(const struct cluster *c, const struct member_failure *failure)
{
	if (c->bluegreen.step < BLUEGREEN_HELD)
		return PACE_GREEN_READY;
	return failure->heard ? PACE_DIAL : PACE_DIAL_REFUSED;
}

/* Who says that it is one of the members that are known is not green. */
static bool is_green(const struct cluster *c, const struct evidence *e)
{
	return topology_find(&c->topology, e->id) == PEL_NONE ||
		c->bluegreen.step >= BLUEGREEN_AWAITED;
}

/* It has told its table: this is the cluster from now on. */
static void arrive(struct cluster *c, struct evidence *e)
{
	struct green *g = c->green;
	unsigned slot = PEL_NONE;

	g->turning = false;
	green_stand(c);
	memcpy(e->id, g->hello.id, sizeof(e->id));
	memcpy(e->uuid, g->hello.uuid, sizeof(e->uuid));
	e->has |= EVIDENCE_IDENTITY;
	cluster_green_rename(c, e);
	cluster_note(c, topology_feed_green(&c->topology, e, &slot));
	cluster_drop_links(c, &g->link);
	cluster_probes_sync(c);
	if (slot < PEL_MAP_INSTANCES && c->probes[slot].used)
		probe_adopt(&c->probes[slot], &g->link, e);
	green_lead(c);
	cluster_bluegreen_release(c);
}

static void answered(struct cluster *c, const struct member_answer *answer)
{
	struct green *g = c->green;
	enum dialect_question question = (enum dialect_question)g->question;
	struct evidence e;
	int r = cluster_read(c, &g->link, question, answer, &e);

	if (c->green != g)
		return; /* that was the end of it */
	if (r == 0)
		link_told(&c->links, &g->link);
	if (question == DIALECT_HELLO) {
		g->identified = r == 0 && is_green(c, &e);
		g->hello = e;
		if (!g->identified)
			end_link(c, PACE_GREEN_READY);
	} else if (question == DIALECT_TABLE && r == 0 && e.role == PEL_ROLE_WRITER) {
		arrive(c, &e);
		return;
	}
	if (g->turning)
		cluster_green_take_over(c);
}

static void green_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct cluster *c = ctx;
	struct green *g = c->green;

	switch (event) {
	case MEMBER_DIALLED:
		break;
	case MEMBER_ACCEPTED:
		g->link.accepted = true;
		break;
	case MEMBER_READY:
		link_ready(&c->links, &g->link);
		ask(c, DIALECT_HELLO);
		break;
	case MEMBER_ANSWERED:
		answered(c, answer);
		break;
	case MEMBER_FAILED:
		link_failed(&c->links, &g->link, failure);
		g->turn++;
		end_link(c, pace_after(c, failure));
		break;
	}
	cluster_kick(c);
}

void cluster_green_take_over(struct cluster *c)
{
	struct green *g = c->green;

	if (!g)
		return;
	g->turning = true;
	if (g->identified && member_is_idle(g->link.member))
		ask(c, DIALECT_TABLE);
}

static void dial(struct cluster *c, struct green *g)
{
	const struct green_host *h = &g->hosts[0];
	struct link_options options = {.told = green_told, .ctx = c};
	struct pel_addr addr;

	if (!h->n_addrs)
		return;
	addr = h->addrs[g->turn % h->n_addrs];
	addr.port = c->topology.config.port;
	options.addr = &addr;
	options.host = h->host;
	if (link_open(&c->links, &g->link, &options) < 0)
		end_link(c, PACE_DIAL);
}

static bool is_over(const struct cluster *c, const struct green *g, uint64_t now_ns)
{
	if (c->bluegreen.step != BLUEGREEN_SWITCHED)
		return false;
	return (g->stands && green_has_moved(c, now_ns)) ||
		(bluegreen_is_late(&c->bluegreen, now_ns) &&
			(!g->stands || c->topology.state != PEL_STATE_KNOWN));
}

void cluster_green_tick(struct cluster *c, uint64_t now_ns)
{
	struct green *g = c->green;

	if (!g)
		return;
	if (is_over(c, g, now_ns)) {
		cluster_bluegreen_end(c);
		return;
	}
	if (g->stands)
		return;
	for (unsigned i = 0; i < g->n_hosts; i++) {
		struct green_host *h = &g->hosts[i];

		if (now_ns < host_due_ns(h))
			continue;
		h->asked_ns = now_ns;
		(void)resolve_start(c->o->resolver, h->host, host_resolved, h, &h->query);
	}
	if (now_ns < g->due_ns)
		return;
	g->due_ns = now_ns + pace_wait_ns(bluegreen_pace(&c->bluegreen), 1, 0);
	if (!g->link.member)
		dial(c, g);
	else if (g->identified && member_is_idle(g->link.member))
		ask(c, g->turning ? DIALECT_TABLE : DIALECT_BLUEGREEN);
}

uint64_t cluster_green_deadline(const struct cluster *c)
{
	const struct green *g = c->green;
	uint64_t due = LOOP_NEVER;

	if (!g || g->stands)
		return due;
	for (unsigned i = 0; i < g->n_hosts; i++) {
		uint64_t at = host_due_ns(&g->hosts[i]);

		due = at < due ? at : due;
	}
	return g->due_ns < due ? g->due_ns : due;
}

enum bluegreen_side cluster_green_side(const struct cluster *c, const struct link *link)
{
	return c->green && (c->green->stands || link == &c->green->link) ? BLUEGREEN_GREEN
									 : BLUEGREEN_BLUE;
}
