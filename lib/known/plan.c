/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "wish.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"

#include <errno.h>

#define QUICK_TRIES 3
#define TORN_TRIES (QUICK_TRIES + 100)
#define TORN_REST_NS UINT64_C(100000)
#define TORN_PAUSE_NS UINT64_C(1000000000)

static bool fits(const struct pel_addr *a, uint16_t families)
{
	return (a->family == 4 && (families & ROUTE_FAMILY4)) ||
		(a->family == 6 && (families & ROUTE_FAMILY6));
}

/*
 * What the prober last saw in DNS, or what this process saw, whichever is newer: without a prober
 * the program has just resolved the name, and would go there without us.
 */
static unsigned dns_choose(struct followed *f, const struct plan *plan, struct followed_dns *own,
	const struct pel_addr **ret)
{
	const struct pel_hot_name *name = plan->found ? &plan->hot.names[plan->ref.name] : NULL;

	followed_get_dns(f, own);
	if (name && name->n_addrs > 0 && (own->n == 0 || name->dns_ns >= own->seen_ns)) {
		*ret = name->addrs;
		return name->n_addrs;
	}
	*ret = own->addrs;
	return (unsigned)own->n;
}

/* An address that a connection of this process has found, which outranks DNS. */
static bool plan_found_here(struct followed *f, uint16_t families, uint16_t asked_port,
	struct plan *plan)
{
	if (!followed_pinned(f, &plan->target) || !fits(&plan->target, families))
		return false;
	plan->verdict = ROUTE_DNS;
	plan->instance = PEL_NONE;
	plan->identity = 0;
	plan->n_addrs = 1;
	plan->target.port = asked_port;
	return true;
}

static void plan_dns(struct followed *f, uint16_t families, uint16_t asked_port, struct plan *plan)
{
	struct pel_addr usable[PEL_MAP_ADDRS];
	const struct pel_addr *all;
	struct followed_dns own;
	unsigned n = dns_choose(f, plan, &own, &all);

	plan->verdict = ROUTE_DNS;
	plan->instance = PEL_NONE;
	plan->identity = 0;
	plan->n_addrs = 0;
	for (unsigned i = 0; i < n; i++) {
		if (fits(&all[i], families))
			usable[plan->n_addrs++] = all[i];
	}
	if (plan->n_addrs == 0)
		return;
	plan->target = usable[atomic_load(&f->first_address) % plan->n_addrs];
	plan->target.port = asked_port;
}

static void plan_instance(uint16_t families, uint16_t asked_port, struct route route,
	struct plan *plan)
{
	plan->instance = route.instance;
	plan->identity = plan->hot.instances[route.instance].identity;
	if (!route_address(&plan->hot, route.instance, plan->ref.name, families, asked_port,
		    &plan->target))
		plan->verdict = ROUTE_DNS;
}

/* Forked children share the count: their pids set them apart. */
uint64_t plan_turn(const struct followed *f)
{
	return atomic_load_explicit(&f->turn, memory_order_relaxed) +
		(uint64_t)atomic_load_explicit(&process_get()->pid, memory_order_relaxed);
}

static void plan_route(struct followed *f, uint16_t families, uint16_t asked_port,
	struct plan *plan)
{
	const struct route_intent intent = {
		.role = plan->role,
		.name = (uint8_t)plan->ref.name,
		.fresh = plan->fresh,
		.families = families,
		.excluded = followed_excluded(f, &plan->hot, plan->now_ns),
		.now_ns = plan->now_ns,
		.random = process_random(),
		.turn = plan_turn(f),
	};
	struct route route = route_choose(&plan->hot, &intent);

	plan->verdict = route.verdict;
	plan->reason = route.reason;
	if (route.verdict == ROUTE_INSTANCE)
		plan_instance(families, asked_port, route, plan);
}

/* By form or by PELORUS_CLUSTER, else by the map; a call of a client library may wish for another. */
static uint8_t role_of(const struct followed *f, const struct plan *plan)
{
	const struct wish *wish = wish_find();

	if (wish && wish->followed == f && wish->role != PEL_ROLE_UNKNOWN)
		return wish->role;
	if (f->role != PEL_ROLE_UNKNOWN || !plan->found)
		return f->role;
	return plan->hot.names[plan->ref.name].role;
}

/* An older prober does not say. */
static uint64_t hold_of(const struct plan *plan)
{
	uint64_t cluster_ns = plan->found && plan->hot.hold
		? (uint64_t)(plan->hot.hold - 1) * UINT64_C(100000000)
		: ROUTE_HOLD_NS;
	uint64_t own_ns = env_get()->hold_ns;

	return own_ns < cluster_ns ? own_ns : cluster_ns;
}

/*
 * Its writer may be preempted while it writes.  That is waited for, TORN_TRIES times, but once in a while
 * only: what is torn for ever must not cost each connect as much.
 */
static int read_whole(struct followed *f, struct plan *plan)
{
	static _Atomic uint64_t torn_ns;
	struct process *p = process_get();
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TORN_TRIES; i++) {
		if (i >= QUICK_TRIES)
			futex_wait(NULL, 0, &p->kick, atomic_load(&p->kick), TORN_REST_NS);
		r = mapview_read(plan->map, f->name, f->hash, &plan->ref, &plan->hot);
		if (r == -EAGAIN && i >= QUICK_TRIES && plan->now_ns < atomic_load(&torn_ns))
			break;
	}
	if (r == -EAGAIN)
		atomic_store(&torn_ns, plan->now_ns + TORN_PAUSE_NS);
	return r;
}

static enum pel_mode mode_of(const struct pel_map *map, unsigned cluster)
{
	enum pel_mode said = map ? pel_map_mode(map, cluster) : PEL_MODE_ACTIVE;

	return said > env_get()->mode ? said : env_get()->mode;
}

enum pel_mode plan_mode(const struct followed *f)
{
	const struct pel_map *map = mapview_get(clock_now_ns());
	struct pel_ref ref = {.cluster = PEL_MAP_CLUSTERS};

	if (!map || pel_map_find(map, f->name, f->hash, &ref) < 0)
		ref.cluster = PEL_MAP_CLUSTERS;
	return mode_of(map, ref.cluster);
}

/* What the topology says is noted, and nothing else of it holds. */
static void stand_aside(struct followed *f, uint16_t families, uint16_t asked_port,
	struct plan *plan)
{
	plan->would = (struct route){.verdict = plan->verdict,
		.reason = plan->reason,
		.instance = plan->instance};
	plan->would_go = plan->target;
	plan->reason = plan->mode == PEL_MODE_OFF ? ROUTE_SWITCHED_OFF : ROUTE_OBSERVED;
	plan_dns(f, families, asked_port, plan);
}

void plan_make(struct followed *f, uint16_t families, uint16_t asked_port, struct plan *plan)
{
	plan->now_ns = clock_now_ns();
	plan->map = mapview_get(plan->now_ns);
	plan->fresh = mapview_is_fresh(plan->map, plan->now_ns);
	plan->instance = PEL_NONE;
	plan->identity = 0;
	plan->n_addrs = 0;
	plan->verdict = ROUTE_DNS;
	plan->reason = ROUTE_UNKNOWN;
	plan->found = read_whole(f, plan) == 0;
	plan->mode = mode_of(plan->map, plan->found ? plan->ref.cluster : PEL_MAP_CLUSTERS);
	plan->role = role_of(f, plan);
	plan->hold_ns = hold_of(plan);
	if (plan->found)
		plan_route(f, families, asked_port, plan);
	if (plan->mode != PEL_MODE_ACTIVE)
		stand_aside(f, families, asked_port, plan);
	else if (plan->verdict != ROUTE_DNS)
		followed_pin(f, NULL); /* who publishes knows better, also when he is gone again */
	else if (!plan_found_here(f, families, asked_port, plan))
		plan_dns(f, families, asked_port, plan);
}

uint16_t plan_port(const struct plan *plan, unsigned instance)
{
	uint16_t port = plan->hot.instances[instance].port;

	return port ? port : plan->hot.port;
}

struct sever_socket plan_socket(const struct plan *plan)
{
	return (struct sever_socket){
		.uid = plan->found ? plan->hot.uid : 0,
		.identity = plan->identity,
		.real = plan->target,
		.role = plan->role,
		.name = plan->found ? (uint8_t)plan->ref.name : 0,
	};
}

/* DNS leads for want of a way to the right instance, and it may lead to a wrong one that is known. */
static bool leads_past(const struct plan *plan)
{
	return plan->verdict == ROUTE_DNS &&
		(plan->reason == ROUTE_UNROUTABLE || plan->reason == ROUTE_EXCLUDED ||
			plan->reason == ROUTE_NO_FAMILY);
}

bool plan_is_outdated(const struct plan *plan, struct followed *f, enum sever_mode mode)
{
	struct sever_socket s = plan_socket(plan);
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;
	struct pel_hot hot;

	/* A name that was not there, or in another file, may have come while the socket was recorded. */
	if (plan->found && plan->fresh && !leads_past(plan) && map == plan->map &&
		pel_map_generation(map, plan->ref.cluster) == plan->hot.generation)
		return false;
	if (plan->mode != PEL_MODE_ACTIVE || mapview_read(map, f->name, f->hash, &ref, &hot) < 0 ||
		mode_of(map, ref.cluster) != PEL_MODE_ACTIVE)
		return false;
	s.uid = hot.uid;
	s.name = (uint8_t)ref.name;
	return sever_decide(&hot, &s, mode, mapview_is_fresh(map, now), now) >= SEVER_FIRST;
}
