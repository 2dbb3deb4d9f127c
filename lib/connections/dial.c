/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connect() to a followed name.
 *
 *   plan     where the name leads (plan.h)
 *   record   the socket, before the real call, so that the watcher knows it
 *   call     the real connect(), with the instance's address
 *   recheck  the cluster's generation: if the topology moved meanwhile and the socket must go, it
 *            is taken back to unconnected and connected anew, DIAL_TRIES times at most
 *
 * A connect that the watcher aborted comes out of the real call as an error with the generation
 * moved, and so takes the same way.  An instance that the prober reaches and this process does not
 * is left out for a while (reachability.h); its names lead to DNS for so long.
 */
#include "dial.h"

#include "hold.h"
#include "observe.h"
#include "parked.h"
#include "reachability.h"
#include "sockets.h"
#include "watcher.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/say.h"
#include "known/address.h"
#include "known/block.h"
#include "known/plan.h"
#include "known/trace.h"
#include "known/waiter.h"
#include "known/wish.h"
#include "prober/follow.h"
#include "prober/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#define DIAL_TRIES 3
#define HINT_NS UINT64_C(1000000000) /* between two hints */
#define ASK_NS UINT64_C(1000000000)  /* between two requests for a prober */

struct dial {
	int fd;
	int family; /* of the address that the caller gave: the real one takes its shape */
	bool borrowed;
	uint16_t families;
	uint64_t cookie;
	uint64_t since_ns; /* when this connect began */
	uint64_t due_ns;   /* a writer has refused it: when it is tried once more */
	struct pel_addr asked;
	struct followed *followed;
	const struct dial_call *call;
	struct plan plan;
};

bool dial_concerns(const struct sockaddr *addr, socklen_t len)
{
	return block_has_sockaddr(addr, len) && env_get()->active;
}

static int int_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, level, name, &value, &n) < 0 ? -1 : value;
}

static uint16_t usable_families(int fd, int family)
{
	if (family == AF_INET)
		return ROUTE_FAMILY4;
	return int_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1 ? ROUTE_FAMILY6
							      : ROUTE_FAMILY4 | ROUTE_FAMILY6;
}

/* The name of an address that was handed out here, or that the map alone tells. */
static struct followed *find_followed(const struct pel_addr *addr, bool borrowed)
{
	struct followed *f = followed_find_addr(addr);
	const struct pel_map *map;
	char name[PEL_NAME_MAX];

	if (f || borrowed)
		return f;
	map = mapview_get(clock_now_ns());
	if (!map || !mapview_name_of(map, addr, name))
		return NULL;
	return follow_name(name);
}

/*
 * A program that remembers addresses for ever misses its prober here, and nowhere else.  It is the
 * watcher, where that can be woken, who starts one: this thread may run an event loop.
 */
static void ask_for_prober(const struct dial *d)
{
	_Atomic uint64_t *asked_ns = &process_get()->asked_ns;
	struct followed *f = d->followed;
	uint32_t told = atomic_load(&f->told_port);

	if (!d->plan.fresh)
		atomic_store(&f->asked_port, d->asked.port);
	else if (told == d->asked.port)
		return;
	/* Of a program that uses two ports in turn each is news. */
	if ((!d->plan.fresh || told != 0) && d->plan.now_ns - atomic_load(asked_ns) < ASK_NS)
		return;
	atomic_store(asked_ns, d->plan.now_ns);
	if (d->plan.fresh) {
		follow_port(f, d->asked.port);
		return;
	}
	(void)watcher_arm();
	if (futex_waits_for_two())
		process_kick();
	else
		(void)follow_tell(f, d->asked.port, d->plan.now_ns);
}

/* Where it leads; it may be waited for.  0, or what the call fails with. */
static int plan_with_patience(struct dial *d)
{
	const struct hold hold = {
		.fd = d->fd,
		.family = d->family,
		.families = d->families,
		.port = d->asked.port,
		.parkable = d->call->repeatable,
		.cookie = d->cookie,
		.since_ns = d->since_ns,
		.due_ns = d->due_ns,
		.followed = d->followed,
	};
	int error;

	plan_make(d->followed, d->families, d->asked.port, &d->plan);
	if (d->plan.verdict == ROUTE_DNS && !d->borrowed)
		ask_for_prober(d);
	error = d->borrowed ? 0 : hold_connect(&hold, &d->plan);
	if (error == 0 &&
		(d->plan.verdict == ROUTE_WAIT || d->plan.verdict == ROUTE_REFUSE ||
			(d->plan.verdict == ROUTE_DNS && d->plan.n_addrs == 0)))
		return ECONNREFUSED;
	return error;
}

/*
 * It goes where the prober logs in.  At any other port a failure says nothing of the way there:
 * nobody need listen, and nobody else has tried.
 */
static bool is_at_known_port(const struct plan *p)
{
	return p->verdict == ROUTE_INSTANCE && p->target.port == plan_port(p, p->instance);
}

/* It goes where this process found the writer by itself. */
static bool is_pinned(const struct dial *d)
{
	return d->plan.verdict == ROUTE_DNS && followed_is_pinned_to(d->followed, &d->plan.target);
}

static void tell_wish(int fd)
{
	struct wish *wish = wish_find();

	if (wish)
		wish->fd = fd;
}

/* Not in a call of a client library: it looks at what poll() says alone. */
static bool may_be_led(const struct dial *d)
{
	const struct wish *wish = wish_find();

	return d->call->repeatable && (!wish || wish->never_waits);
}

static void remember(struct dial *d)
{
	const struct socket_record record = {
		.cookie = d->cookie,
		.socket = plan_socket(&d->plan),
		.made_ns = d->plan.now_ns,
		.followed = followed_index(d->followed),
		.seen = observe_count(d->followed, &d->plan, &d->plan.target),
		.pending = is_pinned(d) ||
			(is_at_known_port(&d->plan) && !reachability_is_proven(d->plan.identity)),
		.port = may_be_led(d) ? d->asked.port : 0,
		.families = d->families,
		.family = (uint16_t)d->family,
		.holder = atomic_load(&process_get()->pid),
	};
	int r;

	if (d->borrowed || d->cookie == 0)
		return;
	tell_wish(d->fd);
	r = sockets_record(d->fd, &record);
	if (r == -E2BIG)
		say(SAY_TOO_MANY_SOCKETS, d->followed->name);
	if (r != 0)
		return;
	(void)watcher_arm();
	/* It may sleep on a map that nobody will wake it by: the next one is to be looked for. */
	if (d->plan.map && !d->plan.fresh)
		process_kick();
	slot_count_sockets(1);
	slot_count(SLOT_ROUTED);
}

static ssize_t call_real(struct dial *d)
{
	struct sockaddr_storage sa;
	socklen_t len = address_to_sockaddr(&d->plan.target, d->family, &sa);

	if (len == 0) {
		errno = ENETUNREACH;
		return -1;
	}
	return d->call->run(d->fd, (const struct sockaddr *)&sa, len, d->call->context);
}

/*
 * A second connect() on a socket that is connecting or connected asks how it went, and so does the
 * first behind one that failed meanwhile: its record and address stay.  Of a socket that is closed
 * (POLLHUP) the kernel has taken back what it shut down (POLLRDHUP) once that was asked.
 */
static bool is_under_way(struct dial *d, ssize_t *ret)
{
	struct pollfd state = {.fd = d->fd, .events = POLLRDHUP};
	struct socket_record record;
	short over = POLLHUP;

	if (!sockets_read(d->fd, &record) || record.cookie != d->cookie)
		return false;
	/* By another name it would be a new one. */
	if (record.followed == followed_index(d->followed))
		over |= POLLRDHUP;
	/* What was shut down before it was connected anew says POLLHUP all the while. */
	if (!parked_is_there(d->fd, &record) &&
		(poll(&state, 1, 0) < 0 ||
			(state.revents & POLLHUP && (state.revents & over) == POLLHUP)))
		return false;
	d->plan.target = record.socket.real;
	*ret = call_real(d);
	/* One under way is told EALREADY: this had ended, and begins anew to where it has no business. */
	if (*ret < 0 && errno == EINPROGRESS && !parked_blocks(d->fd))
		return !socket_disconnect(d->fd);
	return true;
}

static bool is_no_way_there(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH ||
		error == EACCES || error == EPERM;
}

/*
 * What a call to an instance says about the way there.  True if the prober reaches what this
 * process does not: then DNS has the next word.
 */
static bool learn_way(struct dial *d, ssize_t r, int error)
{
	const struct plan *p = &d->plan;

	if (!is_at_known_port(p))
		return false;
	if (r < 0 && is_no_way_there(error)) {
		if (p->hot.instances[p->instance].health != PEL_HEALTH_OK)
			return false;
		followed_exclude(d->followed, p->identity,
			clock_now_ns() + REACHABILITY_EXCLUDED_NS);
		say(SAY_UNREACHABLE_FROM_HERE, d->followed->name);
		return true;
	}
	if (reachability_is_proven(p->identity))
		return false;
	if (r >= 0) {
		reachability_prove(p->identity);
		return false;
	}
	if (error == EINPROGRESS)
		reachability_begin();
	else if (error == ECONNREFUSED || error == ECONNRESET)
		reachability_suspect(d->followed, p);
	else
		return false; /* ours alone: no port is free, or no such argument */
	(void)watcher_arm();
	process_kick();
	return false;
}

/*
 * The next of several DNS addresses has its turn, as it would have in the program's own list; also if
 * nobody knows yet how this one will end, for the program alone will see it.  If the only one
 * refuses, a prober that knows DNS alone cannot see that by itself.  True if the next may be tried.
 */
static bool turn_dns(struct dial *d, int error)
{
	struct followed *f = d->followed;

	if (d->plan.verdict != ROUTE_DNS)
		return false;
	if (d->plan.n_addrs > 1) {
		(void)atomic_fetch_add(&f->first_address, 1);
		return error == ECONNREFUSED || error == ENETUNREACH || error == EHOSTUNREACH;
	}
	if (error == ECONNREFUSED && d->plan.found && d->plan.hot.dns_only &&
		d->plan.now_ns - atomic_load(&f->refused_ns) > HINT_NS) {
		atomic_store(&f->refused_ns, d->plan.now_ns);
		follow_hint(f, true);
	}
	return false;
}

/* What is wrong is left out for a moment, or waited for.  True if the call may have another way. */
static bool leave_out(struct dial *d, int error)
{
	const struct plan *p = &d->plan;

	if (p->role == PEL_ROLE_WRITER && error == ECONNREFUSED && d->due_ns == 0 &&
		may_be_led(d) && is_at_known_port(p)) {
		d->due_ns = clock_now_ns() + WAITER_DOUBT_NS;
		return true;
	}
	if (is_pinned(d) && error == EINPROGRESS)
		reachability_begin();
	else if (is_pinned(d))
		return followed_unpin(d->followed, &p->target);
	if (p->verdict != ROUTE_INSTANCE || p->role != PEL_ROLE_READER || error != ECONNREFUSED)
		return false;
	followed_exclude(d->followed, p->identity, clock_now_ns() + WAITER_REFUSED_NS);
	return true;
}

static void tell_trace(const struct dial *d, int error)
{
	bool leads = d->plan.verdict == ROUTE_INSTANCE || d->plan.n_addrs > 0;

	trace("connect", d->followed->name, route_word(d->plan.reason),
		leads ? &d->plan.target : NULL, d->fd, error);
}

/* One plan and its call.  True if it is to be tried again. */
static bool attempt(struct dial *d, ssize_t *ret, int *ret_errno)
{
	*ret = -1;
	*ret_errno = plan_with_patience(d);
	if (*ret_errno != 0) {
		tell_trace(d, *ret_errno);
		if (*ret_errno == ECONNREFUSED)
			slot_count(SLOT_REFUSED);
		return false;
	}
	(void)atomic_fetch_add_explicit(&d->followed->turn, 1, memory_order_relaxed);
	remember(d);
	if (d->call->repeatable)
		socket_acknowledge_at_once(d->fd);
	*ret = call_real(d);
	*ret_errno = errno;
	tell_trace(d, *ret < 0 ? *ret_errno : 0);
	if (d->borrowed || (*ret < 0 && *ret_errno == EINTR))
		return false;
	/* A duplicate of one that has a record under its own number: nothing has begun. */
	if (*ret < 0 && (*ret_errno == EALREADY || *ret_errno == EISCONN)) {
		sockets_forget(d->fd, d->cookie);
		return false;
	}
	if (plan_is_outdated(&d->plan, d->followed, env_get()->sever))
		return true;
	if (*ret < 0 && (leave_out(d, *ret_errno) || turn_dns(d, *ret_errno)))
		return true;
	return learn_way(d, *ret, *ret_errno);
}

/* True if the watcher was there first, and has led it elsewhere; else it will leave it alone. */
static bool is_led(const struct dial *d)
{
	const struct socket_record none = {.cookie = 0};
	struct socket_record record;

	while (sockets_read(d->fd, &record) && record.cookie == d->cookie) {
		if (record.held != SOCKET_FREE)
			return true;
		if (!d->call->repeatable || sockets_replace(d->fd, &record, &none))
			break;
	}
	return false;
}

/*
 * Connected, or on the way, to what is no longer right.  True if the socket can be used again: not one
 * that another thread has closed meanwhile, whose number may be any other's.
 */
static bool take_back(struct dial *d, ssize_t *ret, int *ret_errno)
{
	if (d->cookie != 0 && socket_cookie(d->fd) != d->cookie)
		return false;
	if (*ret < 0 && (*ret_errno != EINPROGRESS || is_led(d)))
		return *ret_errno != EINPROGRESS;
	*ret = -1;
	*ret_errno = ECONNABORTED;
	if (d->call->repeatable && socket_disconnect(d->fd))
		return true;
	(void)socket_sever(d->fd, d->cookie);
	return false;
}

/* True if this call asks how another went.  While the watcher leads a socket, that seems to be closed. */
static bool is_question(struct dial *d, ssize_t *ret)
{
	struct socket_record before, now;

	for (int i = 0; i < DIAL_TRIES && sockets_read(d->fd, &before); i++) {
		if (parked_goes_on(d->fd, d->cookie, &d->since_ns)) {
			errno = EALREADY;
			*ret = -1;
			return true;
		}
		if (is_under_way(d, ret))
			return true;
		if (!sockets_read(d->fd, &now) || now.cookie != d->cookie ||
			(now.held != SOCKET_LEAVES && now.made_ns == before.made_ns))
			break;
	}
	return false;
}

static ssize_t run(struct dial *d)
{
	ssize_t r = -1;
	int error = errno;

	d->since_ns = clock_now_ns();
	if (!d->borrowed && is_question(d, &r))
		return r;
	for (int i = 0; i < DIAL_TRIES; i++) {
		if (!attempt(d, &r, &error) || !take_back(d, &r, &error))
			break;
	}
	errno = error;
	return r;
}

/*
 * Whether anybody here gives virtual addresses out: this process, or one that shares its prober's map.
 * Where nobody does, the block may well be a network of the program's own.
 */
static bool may_be_handed_out(void)
{
	return block_is_fixed() || mapview_get(clock_now_ns());
}

ssize_t dial_run(int fd, const struct sockaddr *addr, socklen_t len, const struct dial_call *call)
{
	int saved = errno;
	struct dial d;
	ssize_t r;

	d.fd = fd;
	d.call = call;
	d.due_ns = 0;
	d.family = addr->sa_family;
	d.borrowed = process_check() == PROCESS_BORROWED;
	if (int_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
		!address_from_sockaddr(addr, len, &d.asked))
		goto pass;
	d.followed = find_followed(&d.asked, d.borrowed);
	if (!d.followed && may_be_handed_out() && follow_owns_block()) {
		errno = ECONNREFUSED; /* nobody is there: it would be silent for minutes */
		return -1;
	}
	if (!d.followed)
		goto pass;
	d.families = usable_families(fd, d.family);
	d.cookie = socket_cookie(fd);
	r = run(&d);
	if (r >= 0)
		errno = saved;
	return r;
pass:
	errno = saved;
	return call->run(fd, addr, len, call->context);
}
