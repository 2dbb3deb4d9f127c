/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Green once it has taken the names over, and before DNS and ids have moved:
 *
 *   - an answer of DNS with an address of blue's stands for green's: the writer's, that of the member
 *     of the same id, or those of the readers;
 *   - the id X-green-... of one of its hosts is X: it will be renamed, and is the same member before
 *     and after;
 *   - for a moment blue is in the map as what cannot be reached, so that whoever is connected there
 *     is closed: readers too, for blue goes on to answer them, and stays as it was for ever.
 */
#include "green.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

#define MOVED_NS (15 * LOOP_S) /* no answer of DNS has had an address of blue's for so long */
#define CLOSE_NS (2 * LOOP_S)  /* longer than programs sleep that cannot be woken */

static bool is_same_host(const struct pel_addr *a, const struct pel_addr *b)
{
	return a->family && a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool green_has_addr(const struct pel_addr *addrs, unsigned n, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < n; i++) {
		if (is_same_host(&addrs[i], addr))
			return true;
	}
	return false;
}

struct green_host *green_host_of(struct green *g, const char *id)
{
	size_t n = strlen(id);

	for (unsigned i = 1; i < g->n_hosts; i++) {
		const char *base = g->hosts[i].base;

		if (strncmp(base, id, n) == 0 && (base[n] == '.' || !base[n]))
			return &g->hosts[i];
	}
	return NULL;
}

/* Only what the deployment has told of: somebody may call an instance X-green-1 for good. */
static void base_id(struct green *g, char id[static PEL_ID_MAX])
{
	size_t n = strlen(id);

	for (unsigned i = 1; i < g->n_hosts; i++) {
		const struct green_host *h = &g->hosts[i];

		if (strncmp(h->host, id, n) != 0 || h->host[n] != '.')
			continue;
		g->is_renamed = false;
		id[strcspn(h->base, ".")] = '\0'; /* it begins as that does, and is longer */
		return;
	}
}

void cluster_green_rename(struct cluster *c, struct evidence *e)
{
	struct green *g = c->green;

	if (!g || !g->stands)
		return;
	if (e->has & EVIDENCE_TABLE)
		g->is_renamed = true;
	for (unsigned i = 0; (e->has & EVIDENCE_TABLE) && i < e->rows.n; i++)
		base_id(g, e->rows.rows[i].id);
	if (e->has & EVIDENCE_IDENTITY)
		base_id(g, e->id);
}

static void note_blue(struct green *g, const struct pel_addr *addr)
{
	if (addr->family && g->n_blue < BLUE_ADDRS && !is_same_host(addr, &g->writer) &&
		!green_has_addr(g->blue, g->n_blue, addr))
		g->blue[g->n_blue++] = *addr;
}

/* Blue is where its members are, and where its names have led. */
void green_stand(struct cluster *c)
{
	const struct topology *t = &c->topology;
	struct green *g = c->green;

	g->stands = true;
	g->stood_ns = cluster_now(c);
	g->writer = g->link.addr;
	g->writer.port = 0; /* as DNS tells it */
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(t, i);

		for (unsigned k = 0; m && k < m->n_host; k++)
			note_blue(g, &m->host_addrs[k]);
		if (m)
			note_blue(g, &m->addr);
	}
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (t->names[i].hash && t->names[i].bond <= TOPOLOGY_BOND_ALIAS)
			note_blue(g, &t->names[i].lead);
	}
}

/* The readers' addresses; the writer's, if there are none. */
static unsigned addrs_of_readers(const struct green *g, struct pel_addr ret[static RESOLVE_ADDRS])
{
	unsigned n = 0;

	for (unsigned i = 1; i < g->n_hosts && n < RESOLVE_ADDRS; i++) {
		const struct green_host *h = &g->hosts[i];

		if (h->n_addrs && !green_has_addr(h->addrs, h->n_addrs, &g->writer))
			ret[n++] = h->addrs[0];
	}
	if (n == 0)
		ret[n++] = g->writer;
	return n;
}

unsigned cluster_green_instead(struct cluster *c, enum pel_role role, const char *id,
	const struct resolve_answer *answer, struct pel_addr ret[static RESOLVE_ADDRS])
{
	struct green *g = c->green;
	const struct green_host *h;
	bool blue = false;

	memcpy(ret, answer->addrs, sizeof(answer->addrs));
	for (unsigned i = 0; g && g->stands && i < answer->n_addrs; i++)
		blue |= green_has_addr(g->blue, g->n_blue, &answer->addrs[i]);
	if (!blue)
		return answer->n_addrs;
	g->blue_ns = cluster_now(c);
	if (!id) {
		if (role != PEL_ROLE_WRITER)
			return addrs_of_readers(g, ret);
		ret[0] = g->writer;
		return 1;
	}
	h = green_host_of(g, id);
	if (h)
		memcpy(ret, h->addrs, h->n_addrs * sizeof(*ret));
	return h ? h->n_addrs : 0;
}

const char *cluster_green_host(const struct cluster *c, const struct probe *p, const char *host)
{
	const struct topology_member *m = topology_member(&c->topology, p->slot);
	const struct green_host *h = NULL;

	if (c->green && c->green->stands && !c->green->is_renamed && m)
		h = green_host_of(c->green, m->id);
	return h ? h->host : host;
}

void green_lead(struct cluster *c)
{
	uint64_t now = cluster_now(c);

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct topology_name *n = &c->topology.names[c->names[i].index];
		struct resolve_answer was = {.n_addrs = 1, .addrs = {n->lead}};
		struct pel_addr addrs[RESOLVE_ADDRS];
		struct topology_dns dns = {.addrs = addrs,
			.ttl_ms = n->ttl_ms,
			.bond = (enum topology_bond)n->bond};

		if (!c->names[i].used || n->bond > TOPOLOGY_BOND_ALIAS)
			continue;
		dns.n_addrs = cluster_green_instead(c, (enum pel_role)n->role, NULL, &was, addrs);
		cluster_note(c, topology_feed_dns(&c->topology, c->names[i].index, &dns, now));
	}
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(&c->topology, i);
		const struct green_host *h = m ? green_host_of(c->green, m->id) : NULL;
		struct topology_dns dns = {.ttl_ms = 0};

		if (!h)
			continue;
		dns.addrs = h->addrs;
		dns.n_addrs = h->n_addrs;
		cluster_note(c, topology_feed_host(&c->topology, i, &dns, now));
	}
}

bool green_has_moved(const struct cluster *c, uint64_t now_ns)
{
	const struct green *g = c->green;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct topology_name *n = &c->topology.names[i];

		if (n->n_seen && n->dns_ns < g->blue_ns + MOVED_NS &&
			!bluegreen_is_late(&c->bluegreen, now_ns))
			return false;
	}
	return g->is_renamed && now_ns >= g->blue_ns + MOVED_NS;
}

void cluster_green_close(const struct cluster *c, struct pel_hot *hot, struct pel_cold *cold)
{
	const struct green *g = c->green;

	if (!g || !g->stands || cluster_now(c) >= g->stood_ns + CLOSE_NS)
		return;
	for (unsigned i = 0; i < g->n_blue && hot->n_instances < PEL_MAP_INSTANCES; i++) {
		struct pel_hot_instance *in = &hot->instances[hot->n_instances];
		bool v4 = g->blue[i].family == 4;

		*in = (struct pel_hot_instance){.health = PEL_HEALTH_UNREACHABLE,
			.admission = PEL_ADMIT_HELD,
			.flags = v4 ? PEL_INST_HAS4 : PEL_INST_HAS6,
			.port = hot->port,
			.lag_ms = PEL_LAG_UNKNOWN};
		memcpy(v4 ? in->ip4 : in->ip6, g->blue[i].ip, v4 ? 4 : 16);
		(void)snprintf(cold->instances[hot->n_instances].id, PEL_ID_MAX, "blue-%u", i + 1);
		hot->n_instances++;
	}
}
