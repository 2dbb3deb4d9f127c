/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's instances' health: reports to health.h, what it asks for, its verdicts. */
#include "internal.h"

static void feed(struct probe *p, uint64_t now_ns)
{
	struct cluster *c = p->cluster;

	cluster_note(c,
		topology_feed_health(&c->topology, p->slot, (enum pel_health)p->health.state,
			p->health.rtt_us, now_ns));
}

void probe_health_failed(struct probe *p, const struct member_failure *failure)
{
	struct health_witness *w = p->cluster->o->witness;
	uint64_t now = cluster_now(p->cluster);

	switch (failure->kind) {
	case MEMBER_REFUSED:
		health_refused(&p->health, w, now);
		break;
	case MEMBER_UNDIALLED:
		health_undialled(&p->health, now);
		break;
	case MEMBER_DENIED:
	case MEMBER_SPOKE:
	case MEMBER_UNFIT:
		health_spoke(&p->health, w, 0, now);
		break;
	case MEMBER_LOST:
		break; /* health_closed() follows, when the connection is dropped */
	case MEMBER_LATE:
		health_undialled(&p->health, now);
		break;
	}
	/* A verdict is published before anything else is asked. */
	feed(p, now);
}

static void look(struct probe *p, uint64_t now_ns)
{
	uint64_t ack_age_ns;
	bool unacked;

	if (p->first.member && member_look(p->first.member, &unacked, &ack_age_ns) == 0)
		health_looked(&p->health, unacked, ack_age_ns, now_ns);
}

/* The connection in use is dead; one that is just being made is not it. */
static void renew(struct probe *p)
{
	if (!p->first.ready)
		return;
	probe_first_drop(p, false);
	if (p->scheduled)
		schedule_lost(&p->cluster->schedule, p->slot, cluster_now(p->cluster));
}

static void probe_tick(struct probe *p, const struct health_config *config, uint64_t now_ns)
{
	struct cluster *c = p->cluster;
	unsigned wants = health_tick(&p->health, c->o->witness, config, now_ns, &p->health_due_ns);

	if (wants & HEALTH_WANT_LOOK) {
		look(p, now_ns);
		wants |= health_tick(&p->health, c->o->witness, config, now_ns, &p->health_due_ns);
	}
	if (wants & HEALTH_WANT_CONNECT)
		probe_second_open(p);
	if (wants & HEALTH_WANT_WITNESS)
		cluster_names_hurry(c);
	if (wants & HEALTH_WANT_RENEW)
		renew(p);
	feed(p, now_ns);
}

/* Silence that was measured while the prober did not run says nothing. */
static void discard_pause(struct cluster *c, uint64_t now_ns)
{
	struct loop_pause pause = loop_last_pause(c->o->loop);

	if (pause.until_ns == c->paused_until_ns)
		return;
	c->paused_until_ns = pause.until_ns;
	health_witness_paused(c->o->witness, pause.from_ns, pause.until_ns);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->probes[i].used)
			health_paused(&c->probes[i].health, pause.from_ns, now_ns);
	}
}

void cluster_health_tick(struct cluster *c, uint64_t now_ns)
{
	const struct health_config config = {
		.detection_ns = c->config->failure_detection_ms * LOOP_MS,
		.stall_ns = c->config->stall_ms * LOOP_MS,
	};

	discard_pause(c, now_ns);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->probes[i].used)
			probe_tick(&c->probes[i], &config, now_ns);
	}
}

uint64_t cluster_health_deadline(const struct cluster *c)
{
	uint64_t due = LOOP_NEVER;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->probes[i].used && c->probes[i].health_due_ns < due)
			due = c->probes[i].health_due_ns;
	}
	return due;
}
