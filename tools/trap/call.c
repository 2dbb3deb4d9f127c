/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connect is begun here, on a duplicate of the program's socket, and goes on in the program: the
 * kernel does not look at the address of a socket that is connecting already.  So the waiting, its
 * end by a signal and the socket's own limit are the kernel's; one that does not block is answered
 * with EINPROGRESS.  The duplicate is closed at once: the program's close() would not end the
 * connection.
 */
#include "call.h"

#include "closing.h"
#include "filter.h"
#include "questions.h"
#include "socket.h"
#include "sockets.h"
#include "task.h"
#include "waiting.h"

#include "base/env.h"
#include "common/clock.h"
#include "known/address.h"
#include "known/block.h"
#include "known/waiter.h"
#include "prober/follow.h"
#include "prober/slot.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 3
#define WORKERS_MAX 2               /* that may die of one call */
#define ASK_NS UINT64_C(1000000000) /* between two requests for a prober */
#define WAITS -1                    /* no answer yet */

/* One connect() to a followed name. */
struct dial {
	struct worker *w;
	struct trap_call *call;
	pid_t owner;
	int own; /* a duplicate of its socket */
	int name;
	int family; /* of the address that was given */
	bool blocks;
	bool refused; /* once, by a writer */
	uint16_t families;
	uint64_t since_ns;
	struct pel_addr asked;
	struct followed *followed;
	struct plan plan;
};

static void finish(struct trap_call *c)
{
	c->held = 0;
	c->notif.id = 0;
}

void call_answer(struct trap *t, struct trap_call *c, int error)
{
	(void)filter_answer(t->listener, c->notif.id, error);
	finish(c);
}

void call_continue(struct trap *t, struct trap_call *c)
{
	(void)filter_continue(t->listener, c->notif.id);
	finish(c);
}

static int take(const struct trap_call *c, pid_t *ret_owner)
{
	return task_take_of((pid_t)c->notif.pid, (int)c->notif.data.args[0], ret_owner);
}

/* The address of a call: 1; 0 if it cannot be read or is none of the internet's, -EAGAIN if not now. */
static int read_address(const struct trap_call *c, struct pel_addr *ret, int *ret_family)
{
	struct sockaddr_storage sa = {0};
	uint64_t n = c->notif.data.args[2] & 0xffffffff;
	ssize_t r;

	if (n < sizeof(struct sockaddr_in) || c->notif.pid == 0)
		return 0;
	n = n < sizeof(struct sockaddr_in6) ? sizeof(struct sockaddr_in)
					    : sizeof(struct sockaddr_in6);
	r = task_read((pid_t)c->notif.pid, c->notif.data.args[1], &sa, n);
	*ret_family = sa.ss_family;
	if (r == -EAGAIN)
		return -EAGAIN;
	return r == (ssize_t)n &&
		address_from_sockaddr((const struct sockaddr *)&sa, (socklen_t)n, ret);
}

void call_give_up(struct trap *t, struct trap_call *c)
{
	struct pel_addr addr;
	pid_t owner;
	int family, own = c->unblocked ? take(c, &owner) : -1;

	if (own >= 0) {
		socket_restore(own, c);
		(void)close(own);
	}
	if (c->notif.data.nr == SYS_connect && read_address(c, &addr, &family) > 0 &&
		block_has(&addr))
		call_answer(t, c, ECONNREFUSED);
	else
		call_continue(t, c);
}

static uint16_t usable_families(int fd, int family)
{
	if (family == AF_INET)
		return ROUTE_FAMILY4;
	return socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1 ? ROUTE_FAMILY6
								 : ROUTE_FAMILY4 | ROUTE_FAMILY6;
}

/* The name of an address that was given out here, or that the map alone tells. */
static struct followed *find_followed(const struct pel_addr *addr)
{
	struct followed *f = followed_find_addr(addr);
	const struct pel_map *map;
	char name[PEL_NAME_MAX];

	if (f)
		return f;
	map = mapview_get(clock_now_ns());
	return map && mapview_name_of(map, addr, name) ? follow_name(name) : NULL;
}

void call_tell(struct followed *f, const struct plan *plan, uint16_t port)
{
	static uint64_t asked_ns;

	if (plan->fresh) {
		follow_port(f, port);
	} else if (plan->now_ns - asked_ns >= ASK_NS) {
		asked_ns = plan->now_ns;
		(void)follow_tell(f, port, plan->now_ns);
	}
}

static uint64_t cookie_of(const struct dial *d)
{
	return atomic_load(&d->call->socket.cookie);
}

static struct trap_socket record_of(const struct dial *d)
{
	return (struct trap_socket){
		.cookie = cookie_of(d),
		.owner = d->owner,
		.fd = (int32_t)d->call->notif.data.args[0],
		.socket = plan_socket(&d->plan),
		.made_ns = d->plan.now_ns,
		.since_ns = d->since_ns,
		.name = (uint32_t)d->name,
		.port = d->asked.port,
		.families = d->families,
		.family = (uint16_t)d->family,
		.refused = d->refused,
	};
}

static void remember(struct dial *d)
{
	const struct trap_socket record = record_of(d);

	if (cookie_of(d) == 0 || !closing_put(d->w, &record))
		return;
	slot_count_sockets(1);
	slot_count(SLOT_ROUTED);
}

/* It waits: here if it blocks, for a signal must find it waiting; else in the kernel. */
static int await(struct dial *d, uint64_t due_ns)
{
	struct trap_socket record = record_of(d);
	struct trap_call *c = d->call;

	record.until_ns = d->since_ns + d->plan.hold_ns;
	record.due_ns = due_ns;
	if (d->plan.hold_ns == 0)
		return ECONNREFUSED;
	slot_count(SLOT_WAITED);
	worker_look_within(d->w,
		due_ns > d->plan.now_ns ? due_ns - d->plan.now_ns : WAITING_LOOK_NS);
	if (!d->blocks)
		return waiting_park(d->w, d->own, &record, &d->plan);
	c->socket = record;
	c->end_ns = waiting_limit(d->own, d->plan.now_ns);
	c->held = 1;
	return WAITS;
}

/* On this host that is known at once. */
static bool is_refused(const struct dial *d, int *r)
{
	struct pollfd p = {.fd = d->own, .events = POLLOUT};

	if (*r == EINPROGRESS && poll(&p, 1, 0) == 1 && (p.revents & POLLERR))
		*r = socket_option(d->own, SOL_SOCKET, SO_ERROR);
	return *r == ECONNREFUSED;
}

/* One that blocks was refused where the map has the writer: it waits, once, for the map's word. */
static int doubt(struct dial *d)
{
	struct trap_socket *s = sockets_find(d->w->trap, cookie_of(d));
	const struct sever_socket refused = plan_socket(&d->plan);

	if (d->refused ||
		!waiter_past(d->followed, d->families, d->asked.port, &refused, &d->plan) ||
		!socket_disconnect(d->own))
		return ECONNREFUSED;
	if (s) {
		sockets_forget(d->w->trap, s);
		slot_count_sockets(-1);
	}
	d->refused = true;
	d->since_ns = d->plan.now_ns;
	return await(d, d->plan.verdict == ROUTE_WAIT ? 0 : waiter_doubt_ns(&d->plan, &refused));
}

/* What it was led to may refuse it: a reader is left out for a moment.  True if there is another. */
static bool goes_past(struct dial *d, int *r)
{
	const bool is_reader = d->plan.role == PEL_ROLE_READER;

	if (d->plan.verdict != ROUTE_INSTANCE ||
		!(is_reader || (d->plan.role == PEL_ROLE_WRITER && d->blocks)) || !is_refused(d, r))
		return false;
	if (is_reader)
		followed_exclude(d->followed, d->plan.identity, clock_now_ns() + WAITER_REFUSED_NS);
	else
		*r = doubt(d);
	return is_reader;
}

/* One plan and its call.  True if there is to be another. */
static bool attempt(struct dial *d, int *r)
{
	uint64_t due;

	plan_make(d->followed, d->families, d->asked.port, &d->plan);
	if (d->plan.verdict == ROUTE_DNS)
		call_tell(d->followed, &d->plan, d->asked.port);
	due = waiting_due(d->followed, &d->plan);
	if (d->plan.verdict == ROUTE_WAIT || (!d->call->held && due > d->plan.now_ns)) {
		*r = await(d, due);
		return false;
	}
	*r = ECONNREFUSED;
	if (!waiter_leads(&d->plan))
		return false;
	(void)atomic_fetch_add(&d->followed->turn, 1);
	remember(d);
	trap_fault(3);
	*r = socket_begin(d->own, &d->plan.target, d->family, d->call);
	trap_fault(4);
	if (*r == EALREADY || *r == EISCONN)
		return false;
	return plan_is_outdated(&d->plan, d->followed, env_get()->sever) || goes_past(d, r);
}

/*
 * A connect() on one that is under way, or connected, asks how that went: that needs no address.  A
 * parked one that blocks is in a call that was restarted: it goes on to wait.
 */
static bool is_question(struct dial *d)
{
	struct trap_socket *s = sockets_find(d->w->trap, cookie_of(d));

	if (socket_state(d->own) == TCP_CLOSE)
		return false;
	if (!s || !s->parked || !d->blocks)
		return true;
	d->since_ns = s->since_ns;
	(void)socket_patience(d->own, (int)s->patience);
	sockets_forget(d->w->trap, s);
	return !socket_disconnect(d->own);
}

static int run(struct dial *d)
{
	int r = ECONNREFUSED;

	for (int i = 0; i < TRIES && attempt(d, &r); i++) {
		if (!socket_disconnect(d->own))
			break;
	}
	return r;
}

static void answer(struct dial *d, int r)
{
	struct trap *t = d->w->trap;

	trap_fault(5);
	if (r == WAITS)
		return;
	if (r == ECONNREFUSED)
		slot_count(SLOT_REFUSED);
	if (r == EALREADY || r == EISCONN || (r == EINPROGRESS && d->blocks))
		call_continue(t, d->call);
	else
		call_answer(t, d->call, r);
}

/*
 * Whether anybody gives virtual addresses out here; else the block may be a network of the
 * program's.
 */
static bool is_ours(void)
{
	return (block_is_fixed() || mapview_get(clock_now_ns())) && follow_owns_block();
}

/* With a duplicate of the socket. */
static void dial(struct dial *d)
{
	struct trap *t = d->w->trap;

	if (socket_netns(d->own) != d->w->netns ||
		socket_option(d->own, SOL_SOCKET, SO_TYPE) != SOCK_STREAM) {
		call_continue(t, d->call);
		return;
	}
	d->followed = find_followed(&d->asked);
	d->name = d->followed ? worker_name(d->w, d->followed) : -ENOENT;
	if (d->name < 0) {
		if (is_ours())
			call_answer(t, d->call, ECONNREFUSED);
		else
			call_continue(t, d->call);
		return;
	}
	atomic_store(&d->call->socket.cookie, socket_cookie(d->own));
	d->blocks = socket_blocks(d->own);
	d->families = usable_families(d->own, d->family);
	d->refused = d->call->held && d->call->socket.refused;
	d->since_ns = d->call->held ? d->call->socket.since_ns : clock_now_ns();
	if (!is_question(d))
		answer(d, run(d));
	else if (d->call->tries > 1 && !d->blocks && sockets_find(t, cookie_of(d)))
		call_answer(t, d->call, EINPROGRESS); /* begun by a worker that died of it */
	else
		call_continue(t, d->call);
}

/* Its caller waits, as it would for us if it were the keeper itself that looked. */
static void put_off(struct worker *w, struct trap_call *c)
{
	c->tries--;
	worker_look_within(w, WAITING_LOOK_NS);
}

/* A virtual address leads nowhere by itself: in doubt it is refused, and not silent for minutes. */
static void serve_virtual(struct dial *d)
{
	struct trap *t = d->w->trap;
	struct trap_call *c = d->call;

	d->own = take(c, &d->owner);
	trap_fault(2);
	if (!filter_is_waiting(t->listener, c->notif.id)) {
		finish(c);
	} else if (d->own == -EAGAIN) {
		put_off(d->w, c);
	} else if (d->own == -EBADF) {
		call_continue(t, c);
	} else if (d->own < 0) {
		call_give_up(t, c);
	} else {
		if (c->unblocked)
			socket_restore(d->own, c);
		dial(d);
	}
	if (d->own >= 0)
		(void)close(d->own);
}

/*
 * How a connect went: who was woken in the gap of waiting.c asks behind it, and is let go.  One that was
 * refused may go on; then there is neither an error nor a peer, by which Go knows to wait on.  Others
 * would take it for the end.
 */
static void serve_question(struct worker *w, struct trap_call *c)
{
	struct trap *t = w->trap;
	struct trap_socket *s = NULL;
	pid_t owner;
	int own = t->n_sockets > 0 && task_is_go((pid_t)c->notif.pid) ? take(c, &owner) : -1;

	if (own == -EAGAIN) {
		put_off(w, c);
		return;
	}
	if (own >= 0 && socket_state(own) == TCP_CLOSE)
		s = sockets_find(t, socket_cookie(own));
	if (s && w->followed[s->name] && socket_is_refused(own))
		(void)waiting_refused(w, own, s);
	else if (s && c->tries > 1) /* a worker died of it, in between */
		waiting_refuse(own, s);
	if (own >= 0)
		(void)close(own);
	call_continue(t, c);
}

void call_serve(struct worker *w, struct trap_call *c)
{
	struct dial d = {.w = w, .call = c};
	int r;

	trap_fault(1);
	if (c->tries++ >= WORKERS_MAX && !c->held) {
		call_give_up(w->trap, c);
		return;
	}
	if (env_get()->active && c->notif.data.nr == SYS_getsockopt) {
		serve_question(w, c);
		return;
	}
	r = env_get()->active && c->notif.data.nr == SYS_connect
		? read_address(c, &d.asked, &d.family)
		: 0;
	if (r == -EAGAIN)
		put_off(w, c);
	else if (r == 0)
		call_continue(w->trap, c);
	else if (block_has(&d.asked))
		serve_virtual(&d);
	else if (d.asked.port != 53 || !questions_redirect(w, c, &d.asked, d.family))
		call_continue(w->trap, c);
}
