/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include "call.h"
#include "closing.h"
#include "filter.h"
#include "socket.h"
#include "sockets.h"
#include "task.h"

#include "base/process.h"
#include "common/clock.h"
#include "known/waiter.h"
#include "prober/slot.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WELL 64                       /* calls that are looked at well at a time */
#define THERE_NS UINT64_C(1000000000) /* a parked socket is looked for so often */
#define MIX UINT64_C(0x9e3779b97f4a7c15)

static struct pel_addr place_of(const struct plan *plan, uint8_t family)
{
	struct pel_addr a = waiter_place(plan, family);

	if (a.port != 0 && !mapview_is_of_our_netns(plan->map))
		a.port = 0;
	return a;
}

uint64_t waiting_limit(int own, uint64_t now_ns)
{
	struct timeval limit = {0};
	socklen_t n = sizeof(limit);

	if (getsockopt(own, SOL_SOCKET, SO_SNDTIMEO, &limit, &n) < 0 ||
		(limit.tv_sec == 0 && limit.tv_usec == 0))
		return UINT64_MAX;
	return now_ns + (uint64_t)limit.tv_sec * UINT64_C(1000000000) +
		(uint64_t)limit.tv_usec * 1000;
}

uint64_t waiting_due(struct followed *f, const struct plan *plan)
{
	uint64_t released = atomic_load(&f->released_ns);

	if (released == 0 || !waiter_leads(plan) ||
		plan->now_ns >= released + waiter_window_ns(plan))
		return 0;
	return release_due_ns(released, waiter_window_ns(plan), process_random());
}

/* Recorded first: what connects and is not, no worker behind this one would know. */
static bool park_at(struct worker *w, int own, struct trap_socket *record,
	const struct pel_addr *place)
{
	struct trap_socket *s;

	record->socket.real = *place;
	s = closing_put(w, record);
	if (!s)
		return false;
	if (socket_begin(own, place, s->family, NULL) == EINPROGRESS) {
		/* Where that cannot be seen it would never be led. */
		if (socket_state(own) == TCP_SYN_SENT && socket_goes_to(own, place))
			return true;
		(void)socket_disconnect(own);
	}
	sockets_forget(w->trap, s);
	return false;
}

/* An IPv6 socket that was once connected to a mapped address never reaches another kind. */
int waiting_park(struct worker *w, int own, struct trap_socket *record, const struct plan *plan)
{
	record->parked = 1;
	record->socket.identity = 0;
	record->patience = socket_patience(own, SOCKET_PATIENT);
	for (uint8_t family = record->family == AF_INET ? 4 : 6; family >= 4; family -= 2) {
		struct pel_addr place = place_of(plan, family);

		if (place.port != 0 &&
			(record->families & (family == 4 ? ROUTE_FAMILY4 : ROUTE_FAMILY6)) &&
			park_at(w, own, record, &place))
			return EINPROGRESS;
	}
	(void)socket_patience(own, (int)record->patience);
	return ECONNREFUSED;
}

static bool is_there(int own, const struct trap_socket *s)
{
	return socket_state(own) == TCP_SYN_SENT && socket_goes_to(own, &s->socket.real);
}

/* Has it be refused: nobody listens there. */
static void go_nowhere(int own, struct pel_addr near, int family)
{
	near.port = 0;
	(void)socket_begin(own, &near, family, NULL);
}

/*
 * The same socket, to another address; where there is no way to it, to where nobody listens, and
 * false.  In between it is in error for some 20 us; whoever is woken by that asks how it went, which
 * waits until we are back in our loop.  An error and nothing else, as of a socket that connects with
 * the error of the one before, is no question to Go's poller: it never reads from such a socket.
 */
static bool lead(int own, struct trap_socket *s, const struct pel_addr *to, bool stays)
{
	const struct pel_addr near = stays ? *to : s->socket.real;
	int r;

	if (!is_there(own, s) || !socket_disconnect(own))
		return false;
	if (stays && !s->parked)
		s->patience = socket_patience(own, SOCKET_PATIENT);
	else if (!stays && s->parked)
		(void)socket_patience(own, (int)s->patience);
	(void)socket_option(own, SOL_SOCKET, SO_ERROR); /* takes the error off it */
	r = socket_begin(own, to, s->family, NULL);
	s->parked = stays;
	s->made_ns = clock_now_ns();
	s->socket.real = *to;
	if (r == EINPROGRESS || r == 0)
		return true;
	go_nowhere(own, near, s->family);
	return false;
}

bool waiting_instead(struct worker *w, int own, struct trap_socket *s)
{
	struct plan plan;
	struct pel_addr place;

	if (socket_blocks(own) || socket_state(own) != TCP_SYN_SENT)
		return false;
	plan_make(w->followed[s->name], s->families, s->port, &plan);
	place = place_of(&plan, s->socket.real.family);
	if (plan.hold_ns == 0 || place.port == 0 || !lead(own, s, &place, true))
		return false;
	s->socket.identity = 0;
	s->since_ns = plan.now_ns;
	s->until_ns = plan.now_ns + plan.hold_ns;
	s->due_ns = 0;
	slot_count_sockets(-1);
	slot_count(SLOT_WAITED);
	return true;
}

void waiting_refuse(int own, const struct trap_socket *s)
{
	go_nowhere(own, s->socket.real, s->family);
}

bool waiting_refused(struct worker *w, int own, const struct trap_socket *s)
{
	struct trap_socket record = *s;
	struct plan plan;

	if (s->parked || s->refused || s->socket.identity == 0 || socket_blocks(own) ||
		!waiter_past(w->followed[s->name], s->families, s->port, &s->socket, &plan) ||
		place_of(&plan, s->socket.real.family).port == 0 || !socket_disconnect(own))
		return false;
	(void)socket_option(own, SOL_SOCKET, SO_ERROR); /* takes the error off it */
	trap_fault(9);
	record.refused = 1;
	record.since_ns = plan.now_ns;
	record.until_ns = plan.now_ns + plan.hold_ns;
	record.due_ns = plan.verdict == ROUTE_WAIT ? 0 : waiter_doubt_ns(&plan, &s->socket);
	slot_count_sockets(-1);
	if (waiting_park(w, own, &record, &plan) == EINPROGRESS) {
		slot_count(SLOT_WAITED);
		worker_look_within(w, 0);
		return true;
	}
	waiting_refuse(own, &record);
	return true;
}

static void end_wait(uint64_t since_ns, bool in_vain)
{
	slot_waited(clock_now_ns() - since_ns);
	if (in_vain)
		slot_count(SLOT_GIVEN_UP);
}

/* Where a parked one goes now.  True if it still waits. */
static bool lead_on(struct worker *w, int own, struct trap_socket *s, enum release release,
	const struct plan *plan)
{
	struct pel_addr to = place_of(plan, s->socket.real.family);
	bool led;

	if (release == RELEASE_GO)
		to = plan->target;
	else if (release != RELEASE_REPARK)
		to.port = 0; /* where nobody listens */
	led = lead(own, s, &to, release == RELEASE_REPARK);
	/* Some kernels take none back while a thread waits in it: the next look tries again. */
	if (release == RELEASE_REPARK || (!led && release == RELEASE_GO && is_there(own, s)))
		return true;
	end_wait(s->since_ns, !led || release != RELEASE_GO);
	if (!led || release != RELEASE_GO) {
		(void)socket_patience(own, (int)s->patience);
		sockets_forget(w->trap, s);
		return false;
	}
	s->socket = plan_socket(plan);
	(void)atomic_fetch_add(&w->followed[s->name]->turn, 1);
	slot_count_sockets(1);
	slot_count(SLOT_ROUTED);
	return false;
}

static uint64_t rest_of(const struct waiter *v, const struct plan *plan)
{
	uint64_t at =
		v->look.leads && v->look.due_ns > plan->now_ns ? v->look.due_ns : v->look.until_ns;

	return at > plan->now_ns ? worker_least(at - plan->now_ns, WORKER_LOOK_NS) : 0;
}

/* One parked socket.  How long it waits from now on before it is looked at. */
static uint64_t look_parked(struct worker *w, struct trap_socket *s)
{
	struct waiter v = {
		.followed = w->followed[s->name],
		.families = s->families,
		.port = s->port,
		.parked = s->socket.real.family,
		.since_ns = s->since_ns,
		.random = atomic_load(&s->cookie) * MIX,
		.look = {.until_ns = s->until_ns,
			.due_ns = s->due_ns,
			.parked_at = s->socket.real.port},
	};
	struct plan plan;
	enum release release = waiter_look(&v, &plan);
	int own;
	bool waits = true;

	/* See waiting_park(). */
	if (release == RELEASE_GO && s->socket.real.family == 4 && plan.target.family == 6)
		release = RELEASE_REFUSE;
	s->due_ns = plan.verdict == ROUTE_WAIT ? 0 : v.look.due_ns;
	if (release == RELEASE_KEEP && plan.now_ns - s->looked_ns < THERE_NS)
		return rest_of(&v, &plan);
	s->looked_ns = plan.now_ns;
	own = task_take(s->owner, s->fd);
	if (own == -EAGAIN)
		return WAITING_LOOK_NS;
	if (own < 0 || socket_cookie(own) != atomic_load(&s->cookie) ||
		socket_state(own) != TCP_SYN_SENT) {
		end_wait(s->since_ns, true);
		sockets_forget(w->trap, s);
		waits = false;
	} else if (release != RELEASE_KEEP) {
		waits = lead_on(w, own, s, release, &plan);
	}
	if (own >= 0)
		(void)close(own);
	return waits ? rest_of(&v, &plan) : WORKER_NEVER;
}

/*
 * A signal, or its own limit, ends what waits here: it goes on to wait in the kernel, parked,
 * where both are as ever; but for a moment only, since nobody could lead a thread that is in
 * there.
 */
static void let_wait_alone(struct worker *w, struct trap_call *c, const struct plan *plan,
	bool over)
{
	struct trap_socket *s = &c->socket;
	int own = task_take(s->owner, s->fd), r = ECONNREFUSED;

	if (own == -EAGAIN)
		return;
	if (own >= 0 && socket_cookie(own) == atomic_load(&s->cookie))
		r = waiting_park(w, own, s, plan);
	if (own >= 0)
		(void)close(own);
	if (r == EINPROGRESS && !over)
		call_continue(w->trap, c);
	else
		call_answer(w->trap, c, r);
}

/* `well`: whether its caller is still there, and deaf to a signal, is looked at as well. */
static uint64_t look_held(struct worker *w, struct trap_call *c, bool well)
{
	struct trap_socket *s = &c->socket;
	struct waiter v = {
		.followed = w->followed[s->name],
		.families = s->families,
		.port = s->port,
		.since_ns = s->since_ns,
		.random = atomic_load(&s->cookie) * MIX,
		.look = {.until_ns = s->until_ns, .due_ns = s->due_ns},
	};
	const uint32_t tries = c->tries;
	struct plan plan;
	enum release release;

	if (well && !filter_is_waiting(w->trap->listener, c->notif.id)) {
		end_wait(s->since_ns, true);
		c->held = 0;
		c->notif.id = 0;
		return WORKER_NEVER;
	}
	release = waiter_look(&v, &plan);
	s->due_ns = plan.verdict == ROUTE_WAIT ? 0 : v.look.due_ns;
	if (release != RELEASE_KEEP) {
		if (release == RELEASE_GO)
			call_serve(w, c);
		else
			call_answer(w->trap, c, ECONNREFUSED);
		if (release != RELEASE_GO || c->tries != tries) /* it was not put off */
			end_wait(s->since_ns, release != RELEASE_GO);
	} else if (plan.now_ns >= c->end_ns ||
		(well && task_has_signal(s->owner, (pid_t)c->notif.pid))) {
		let_wait_alone(w, c, &plan, plan.now_ns >= c->end_ns);
	} else {
		return worker_least(WAITING_LOOK_NS, rest_of(&v, &plan));
	}
	return WORKER_NEVER;
}

/* Of many that are held only some at a time are looked at well. */
static uint64_t look_calls(struct worker *w)
{
	struct trap *t = w->trap;
	const uint32_t turns = 1 + w->n_held / WELL, turn = w->turn++ % turns;
	uint64_t rest = WORKER_NEVER;
	uint32_t end = 0, from = TRAP_CALLS;

	w->n_held = 0;
	for (uint32_t i = 0; i < t->calls_end; i++) {
		struct trap_call *c = &t->calls[i];

		worker_beat(w);
		if (c->notif.id != 0 && c->held && w->followed[c->socket.name])
			rest = worker_least(rest, look_held(w, c, i % turns == turn));
		else if (c->notif.id != 0 && c->held)
			call_give_up(t, c);
		else if (c->notif.id != 0) /* the keeper did not answer */
			call_serve(w, c);
		if (c->notif.id != 0)
			rest = worker_least(rest, WAITING_LOOK_NS);
		w->n_held += c->held;
		if (c->notif.id != 0)
			end = i + 1;
		else if (from == TRAP_CALLS)
			from = i;
	}
	t->calls_from = from < end ? from : end;
	t->calls_end = end;
	return rest;
}

uint64_t waiting_look(struct worker *w, uint64_t now_ns)
{
	struct trap_socket *next;
	uint64_t rest = look_calls(w);
	uint32_t held = w->n_held;

	for (struct trap_socket *s = sockets_next(w->trap, NULL); s; s = next) {
		next = sockets_next(w->trap, s);
		if (!s->parked || !w->followed[s->name])
			continue;
		worker_beat(w);
		rest = worker_least(rest, look_parked(w, s));
		held++;
	}
	slot_hold(held);
	return rest;
}
