/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topology as the map has it: slots in use become instances without gaps, and so do names.
 */
#include "state.h"

#include "common/names.h"

#include <string.h>

static void take_address(struct pel_hot_instance *in, const struct pel_addr *a)
{
	if (a->family == 4 && !(in->flags & PEL_INST_HAS4)) {
		memcpy(in->ip4, a->ip, sizeof(in->ip4));
		in->flags |= PEL_INST_HAS4;
	} else if (a->family == 6 && !(in->flags & PEL_INST_HAS6)) {
		memcpy(in->ip6, a->ip, sizeof(in->ip6));
		in->flags |= PEL_INST_HAS6;
	}
}

static void view_instance(const struct topology *t, const struct topology_member *m,
	struct pel_hot_instance *in)
{
	*in = (struct pel_hot_instance){
		.role = m->role,
		.self_role = m->self_role,
		.health = (uint8_t)topology_health(t, m),
		.admission = (uint8_t)topology_admission(t, m),
		.flags = (uint16_t)((m->routable ? PEL_INST_ROUTABLE : 0) |
			(m->lagged ? PEL_INST_LAGGED : 0) |
			(m->admission_forced ? PEL_INST_BY_HAND : 0) |
			(m->unwarmed && m->admission == PEL_ADMIT_HELD ? PEL_INST_UNWARMED : 0) |
			(m->warm_elsewhere ? PEL_INST_ELSEWHERE : 0)),
		.port = m->addr.port ? m->addr.port : m->port,
		.lag_ms = m->lag_ms,
		.identity = m->identity,
		.evidence_ns = m->evidence_ns,
		.rtt_us = m->rtt_us,
		.cpu_permille = m->cpu_permille,
		.warm_done = m->warm_done,
		.warm_total = m->warm_total,
	};
	/* The address of the login; of the host's others those of the other family. */
	take_address(in, &m->addr);
	for (unsigned i = 0; m->routable && i < m->n_host; i++)
		take_address(in, &m->host_addrs[i]);
}

static void view_cold(const struct topology_member *m, struct pel_cold_instance *in)
{
	memset(in, 0, sizeof(*in));
	memcpy(in->id, m->id, sizeof(in->id));
	memcpy(in->uuid, m->uuid, sizeof(in->uuid));
	memcpy(in->host, m->host, sizeof(in->host));
	memcpy(in->zone, m->zone, sizeof(in->zone));
}

static bool is_member_of(const struct topology *t, const struct topology_name *n, unsigned slot)
{
	uint64_t hash;

	if (!n->listed)
		return n->members_seen_ns[slot] &&
			n->members_seen_ns[slot] + TOPOLOGY_SEEN_NS > n->dns_ns;
	hash = pel_name_hash(t->members[slot].id);
	for (unsigned i = 0; i < n->n_listed; i++) {
		if (n->listed_ids[i] == hash)
			return true;
	}
	return false;
}

static void view_name(const struct topology *t, const struct topology_name *n,
	const uint8_t slots[PEL_MAP_INSTANCES], unsigned n_instances, struct pel_hot_name *to)
{
	*to = (struct pel_hot_name){
		.hash = n->hash,
		.role = n->role,
		.n_addrs = n->n_seen,
		.port = n->port,
		.dns_ns = n->dns_ns,
	};
	for (unsigned i = 0; i < n->n_seen; i++)
		to->addrs[i] = n->seen[i].addr;
	for (unsigned i = 0; n->role == PEL_ROLE_CUSTOM && i < n_instances; i++) {
		if (is_member_of(t, n, slots[i]))
			to->members |= UINT32_C(1) << i;
	}
}

static unsigned view_instances(const struct topology *t, struct pel_hot *hot, struct pel_cold *cold,
	uint8_t slots[PEL_MAP_INSTANCES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (!t->members[i].used || t->members[i].twin)
			continue;
		view_instance(t, &t->members[i], &hot->instances[n]);
		view_cold(&t->members[i], &cold->instances[n]);
		if (t->writer == i)
			hot->writer = (uint8_t)n;
		slots[n++] = (uint8_t)i;
	}
	return n;
}

void topology_view(const struct topology *t, struct pel_hot *hot, struct pel_cold *cold,
	uint8_t ret_slots[PEL_MAP_INSTANCES])
{
	uint8_t slots[PEL_MAP_INSTANCES];

	memset(cold, 0, sizeof(*cold));
	*hot = (struct pel_hot){
		.uid = t->uid,
		.generation = t->generation,
		.epoch = t->epoch,
		.writerless_ns = t->writerless_ns,
		.verified_ns = t->verified_ns,
		.state = t->state,
		.why = t->why,
		.selector = t->config.selector,
		.fallback = t->config.fallback,
		.writer = PEL_NONE,
		.dns_only = t->dns_only,
		.max_lag_ms = t->config.max_lag_ms,
		.port = t->config.port,
		.hold = PEL_HOLD_OF((uint64_t)t->config.hold_ms * 1000000 + 99999999),
	};
	hot->n_instances = (uint8_t)view_instances(t, hot, cold, slots);
	for (unsigned i = 0; i < t->n_names; i++) {
		unsigned n = hot->n_names;

		if (!t->names[i].hash)
			continue;
		view_name(t, &t->names[i], slots, hot->n_instances, &hot->names[n]);
		memcpy(cold->names[n], t->names[i].text, sizeof(cold->names[n]));
		hot->n_names++;
	}
	if (ret_slots)
		memcpy(ret_slots, slots, hot->n_instances);
}
