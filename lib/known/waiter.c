/* SPDX-License-Identifier: Apache-2.0 */
#include "waiter.h"

#include "base/env.h"

#include <string.h>

struct pel_addr waiter_place(const struct plan *plan, uint8_t family)
{
	struct pel_addr a = {.family = family};

	if (family == 4)
		memcpy(a.ip, (const uint8_t[]){127, 0, 0, 1}, 4);
	else
		a.ip[15] = 1;
	if (plan->fresh)
		a.port = family == 4 ? plan->map->header.park4 : plan->map->header.park6;
	return a;
}

bool waiter_leads(const struct plan *plan)
{
	return plan->verdict == ROUTE_INSTANCE || (plan->verdict == ROUTE_DNS && plan->n_addrs > 0);
}

uint64_t waiter_window_ns(const struct plan *plan)
{
	const _Atomic uint32_t *crowd = plan->map ? &plan->map->header.crowd : NULL;

	return crowd ? release_window_ns(atomic_load_explicit(crowd, memory_order_relaxed)) : 0;
}

/* All are let go together; whoever sees it first says when. */
static uint64_t due_of(const struct waiter *w, const struct plan *plan)
{
	uint64_t released = atomic_load(&w->followed->released_ns);

	if (released < w->since_ns &&
		atomic_compare_exchange_strong(&w->followed->released_ns, &released, plan->now_ns))
		released = plan->now_ns;
	return release_due_ns(released, waiter_window_ns(plan), w->random);
}

/* Its prober lives, and has not said yet what there is: it was restarted. */
static bool is_starting(const struct plan *plan)
{
	return plan->fresh && plan->mode == PEL_MODE_ACTIVE &&
		(!plan->found ||
			(plan->hot.state == PEL_STATE_UNKNOWN &&
				plan->hot.why == PEL_WHY_STARTING));
}

/* Nobody waits any longer, by the clock here or by the prober's: what begins now follows DNS. */
static bool is_over(const struct plan *plan)
{
	return plan->verdict == ROUTE_DNS && plan->found &&
		(plan->reason == ROUTE_WRITERLESS_LONG ||
			(plan->reason == ROUTE_UNKNOWN && plan->hot.why == PEL_WHY_NO_WRITER));
}

enum release waiter_look(struct waiter *w, struct plan *plan)
{
	struct release_look *l = &w->look;

	plan_make(w->followed, w->families, w->port, plan);
	/* Whoever goes on waiting comes when there is one, at another time than those who came to the last. */
	if (plan->verdict == ROUTE_WAIT) {
		l->due_ns = 0;
		if (atomic_load(&w->followed->released_ns) != 0)
			atomic_store(&w->followed->released_ns, 0);
	}
	l->now_ns = plan->now_ns;
	l->verdict = plan->verdict;
	l->leads = waiter_leads(plan);
	l->wrong = l->leads && plan_is_outdated(plan, w->followed, env_get()->sever);
	l->over = is_over(plan);
	l->starting = is_starting(plan);
	l->park = waiter_place(plan, w->parked).port;
	if (l->leads && l->due_ns == 0)
		l->due_ns = due_of(w, plan);
	return release_decide(l);
}

bool waiter_past(struct followed *f, uint16_t families, uint16_t port,
	const struct sever_socket *refused, struct plan *ret)
{
	unsigned i;

	plan_make(f, families, port, ret);
	i = ret->found ? sever_find_instance(&ret->hot, &refused->real) : PEL_NONE;
	if (ret->mode != PEL_MODE_ACTIVE || ret->hold_ns == 0 || i == PEL_NONE ||
		refused->real.port != plan_port(ret, i))
		return false;
	if (refused->role == PEL_ROLE_READER) {
		followed_exclude(f, refused->identity, ret->now_ns + WAITER_REFUSED_NS);
		plan_make(f, families, port, ret);
	}
	return refused->role == PEL_ROLE_READER || refused->role == PEL_ROLE_WRITER;
}

uint64_t waiter_doubt_ns(const struct plan *plan, const struct sever_socket *refused)
{
	return plan->now_ns + (plan->identity == refused->identity ? WAITER_DOUBT_NS : 1);
}
