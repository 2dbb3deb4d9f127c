/* SPDX-License-Identifier: Apache-2.0 */
/* Where a cluster's instances live: DNS questions for the host of each. */
#include "internal.h"

#include <string.h>

/* There no database lives, but what tells secrets of the machine: nobody's word leads there. */
static bool is_of_the_machine(const struct pel_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff},
			     service[] = {0xfd, 0, 0x0e, 0xc2};
	const uint8_t *v4 = a->family == 4 ? a->ip : a->ip + sizeof(mapped);

	if (a->family == 4 || memcmp(a->ip, mapped, sizeof(mapped)) == 0)
		return v4[0] == 169 && v4[1] == 254;
	return (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80) ||
		memcmp(a->ip, service, sizeof(service)) == 0;
}

static void host_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct probe *p = ctx;
	struct cluster *c = p->cluster;
	uint64_t now = cluster_now(p->cluster);
	const struct topology_member *m = topology_member(&c->topology, p->slot);
	struct pel_addr addrs[RESOLVE_ADDRS];
	struct topology_dns dns = {.addrs = addrs, .ttl_ms = answer->ttl_ms};
	unsigned n;

	p->query = NULL;
	if (answer->heard)
		health_witnessed(c->o->witness, now);
	p->host_failures = answer->status == 0 ? 0 : p->host_failures + (p->host_failures < 8);
	n = cluster_green_instead(c, PEL_ROLE_UNKNOWN, m ? m->id : "", answer, addrs);
	for (unsigned i = 0; i < n; i++) {
		if (m && !m->configured && is_of_the_machine(&addrs[i]))
			continue;
		addrs[dns.n_addrs] = addrs[i];
		addrs[dns.n_addrs++].port = m && m->port ? m->port : c->topology.config.port;
	}
	if (m && answer->status == 0)
		cluster_note(c, topology_feed_host(&c->topology, p->slot, &dns, now));
	cluster_kick(c);
}

/* More often while its answer may be an old one: who answers elsewhere, or nobody knows why not. */
static uint64_t host_due_ns(const struct probe *p)
{
	const struct topology_member *m;
	enum pace_kind pace = p->cluster && p->cluster->alarm ? PACE_HOST_ALARM : PACE_HOST;

	if (!p->used || !p->host[0] || p->query)
		return LOOP_NEVER;
	if (!p->host_asked_ns)
		return 0;
	m = topology_member(&p->cluster->topology, p->slot);
	if (p->host_failures)
		pace = PACE_HOST_FAILED;
	else if (m && m->live && !m->routable)
		pace = PACE_HOST_STRANGE;
	return p->host_asked_ns + pace_wait_ns(pace, p->host_failures, 0);
}

void cluster_hosts_tick(struct cluster *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct probe *p = &c->probes[i];
		struct pel_addr addr;

		if (!p->used)
			continue;
		if (now_ns >= host_due_ns(p)) {
			p->host_asked_ns = now_ns;
			(void)resolve_start(c->o->resolver, p->host, host_resolved, p, &p->query);
		}
		if (!p->scheduled && topology_login_addr(&c->topology, i, &addr)) {
			schedule_add(&c->schedule, i, now_ns);
			p->scheduled = true;
		}
	}
}

uint64_t cluster_hosts_deadline(const struct cluster *c)
{
	uint64_t due = LOOP_NEVER;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		uint64_t at = host_due_ns(&c->probes[i]);

		due = at < due ? at : due;
	}
	return due;
}
