/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those that block are not listed anywhere: a thread may be cancelled, or a signal handler jump out
 * of its wait.  They are counted as they look, and woken at each change and each LOOK_NS; whoever does
 * not look again is no longer counted.  They sleep without a limit, for only then does the kernel go
 * on with the sleep behind a signal's handler as it does with a connect().
 *
 * A parked socket is known by its cookie, by being on its way, and by where to: only all three prove
 * that it is what was parked.  Who parked it leads it; a forked child has the record alone.
 *
 * In the gap between two connects the socket is in error for some 20 us.  Who is woken by that asks
 * SO_ERROR: hold_error() answers when the gap is over, by what has become of the new connect.
 */
#include "hold.h"

#include "reachability.h"
#include "watcher.h"
#include "rules/release.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/real.h"
#include "known/address.h"
#include "known/wish.h"
#include "prober/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define LOOK_NS UINT64_C(250000000)
#define GAP_TRIES 2000 /* of 50 us */
#define OUTCOME_MS 20

#ifndef SO_PEERNAME
#define SO_PEERNAME 28
#endif

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int32_t own_pid(void)
{
	return atomic_load_explicit(&process_get()->pid, memory_order_relaxed);
}

static uint64_t window_of(const struct pel_map *map)
{
	return map
		? release_window_ns(atomic_load_explicit(&map->header.crowd, memory_order_relaxed))
		: 0;
}

void hold_crowd(struct followed *f, uint64_t now_ns)
{
	atomic_store(&f->released_ns, now_ns);
}

/* Who has waited since `since_ns` is let go with all others; whoever sees it first says when. */
static uint64_t due_of(struct followed *f, const struct plan *plan, uint64_t since_ns,
	uint64_t random)
{
	uint64_t released = atomic_load(&f->released_ns);

	if (released < since_ns &&
		atomic_compare_exchange_strong(&f->released_ns, &released, plan->now_ns))
		released = plan->now_ns;
	return release_due_ns(released, window_of(plan->map), random);
}

static bool leads(const struct plan *plan)
{
	return plan->verdict == ROUTE_INSTANCE || (plan->verdict == ROUTE_DNS && plan->n_addrs > 0);
}

/* Its prober lives, and has not said yet what there is: it was restarted. */
static bool is_starting(const struct plan *plan)
{
	return plan->fresh &&
		(!plan->found ||
			(plan->hot.state == PEL_STATE_UNKNOWN &&
				plan->hot.why == PEL_WHY_STARTING));
}

/* Nobody waits any longer, by the clock here or by the prober's: what begins now follows DNS. */
static bool is_over(const struct plan *plan)
{
	return plan->verdict == ROUTE_DNS &&
		(plan->reason == ROUTE_WRITERLESS_LONG ||
			(plan->reason == ROUTE_UNKNOWN && plan->hot.why == PEL_WHY_NO_WRITER));
}

static uint16_t port_to_park(const struct pel_map *map, int family)
{
	return family == AF_INET ? map->header.park4 : map->header.park6;
}

/* An IPv6 socket that may use IPv4 is parked there: of the two it is what every host has. */
static struct pel_addr place_to_park(const struct plan *plan, uint16_t families)
{
	struct pel_addr a = {.family = families & ROUTE_FAMILY4 ? 4 : 6};

	if (!plan->fresh)
		return a;
	a.port = port_to_park(plan->map, a.family == 4 ? AF_INET : AF_INET6);
	if (a.family == 4)
		memcpy(a.ip, (const uint8_t[]){127, 0, 0, 1}, 4);
	else
		a.ip[15] = 1;
	return a;
}

static bool is_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static int connect_to(int fd, const struct pel_addr *addr, int family)
{
	struct sockaddr_storage sa;
	socklen_t len = address_to_sockaddr(addr, family, &sa);

	if (len == 0)
		return ENETUNREACH;
	return real_get()->connect(fd, (const struct sockaddr *)&sa, len) == 0 ? 0 : errno;
}

/* The same for a moment only, if it blocks. */
static int begin_connect(int fd, const struct pel_addr *addr, int family)
{
	const struct timeval moment = {.tv_usec = 1};
	struct timeval before = {0};
	socklen_t n = sizeof(before);
	int r;

	if (!is_blocking(fd))
		return connect_to(fd, addr, family);
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &n);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	r = connect_to(fd, addr, family);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof(before));
	return r == EINTR ? EINPROGRESS : r;
}

static bool is_connecting(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
		info.tcpi_state == TCP_SYN_SENT;
}

/* getpeername() has no answer before a socket is connected; the option wants the size to fit. */
static bool connects_to(int fd, const struct pel_addr *addr, int family)
{
	struct sockaddr_storage sa;
	struct pel_addr peer;
	socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	return is_connecting(fd) && getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &sa, &n) == 0 &&
		address_from_sockaddr((const struct sockaddr *)&sa, n, &peer) &&
		peer.family == addr->family && peer.port == addr->port &&
		memcmp(peer.ip, addr->ip, sizeof(peer.ip)) == 0;
}

static bool park(const struct hold *h, const struct plan *plan)
{
	const struct pel_addr place = place_to_park(plan, h->families);
	struct socket_record record = {
		.cookie = h->cookie,
		.socket = plan_socket(plan),
		.made_ns = plan->now_ns,
		.followed = followed_index(h->followed),
		.held = SOCKET_PARKED,
		.since_ns = h->since_ns,
		.until_ns = h->since_ns + plan->hold_ns,
		.holder = own_pid(),
		.port = h->port,
		.families = h->families,
		.family = (uint32_t)h->family,
	};
	struct wish *wish = wish_find();

	if (place.port == 0 || h->cookie == 0 || !h->parkable ||
		!mapview_is_of_our_netns(plan->map) || !watcher_arm())
		return false;
	record.socket.identity = 0;
	record.socket.real = place;
	if (sockets_record(h->fd, &record) != 0)
		return false;
	if (begin_connect(h->fd, &place, h->family) != EINPROGRESS) {
		sockets_forget(h->fd, h->cookie);
		return false;
	}
	if (wish)
		wish->fd = h->fd;
	(void)atomic_fetch_add(&process_get()->parked, 1);
	process_kick();
	return true;
}

/* 0: without a limit. */
static uint64_t send_limit_ns(int fd)
{
	struct timeval limit = {0};
	socklen_t n = sizeof(limit);

	(void)getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &n);
	return (uint64_t)limit.tv_sec * UINT64_C(1000000000) + (uint64_t)limit.tv_usec * 1000;
}

/* One sleep of a thread that waits.  0, EINTR, or EINPROGRESS when its own limit is over. */
static int sleep_once(const struct plan *plan, uint32_t seen, uint64_t end_ns, uint64_t due_ns)
{
	struct process *p = process_get();
	uint64_t now = clock_now_ns(), limit = end_ns > now ? end_ns - now : 0;

	if (limit == 0)
		return EINPROGRESS;
	if (due_ns > now)
		limit = least(limit, due_ns - now);
	if (watcher_arm())
		return futex_wait_as_call(&p->release, seen,
			end_ns == UINT64_MAX && due_ns <= now ? UINT64_MAX : limit);
	futex_wait(NULL, 0, &p->release, seen, least(limit, LOOK_NS));
	(void)plan;
	return 0;
}

static enum release look_blocking(const struct hold *h, struct plan *plan, uint64_t random,
	uint64_t *ret_due_ns)
{
	struct release_look look = {.until_ns = h->since_ns + plan->hold_ns};

	plan_make(h->followed, h->families, h->port, plan);
	look.now_ns = plan->now_ns;
	look.verdict = plan->verdict;
	look.leads = leads(plan);
	look.over = is_over(plan);
	look.starting = is_starting(plan);
	if (look.leads)
		look.due_ns = due_of(h->followed, plan, h->since_ns, random);
	*ret_due_ns = look.due_ns;
	return release_decide(&look);
}

/*
 * What ends without an answer leaves the socket as a slow server would: on its way, whatever the
 * program does with it next.
 */
static int leave(const struct hold *h, const struct plan *plan, int error)
{
	return park(h, plan) || error == EINTR ? error : ECONNREFUSED;
}

static int wait_here(const struct hold *h, struct plan *plan)
{
	struct process *p = process_get();
	uint64_t limit = send_limit_ns(h->fd), random = process_random(), due;
	uint64_t end = limit ? h->since_ns + limit : UINT64_MAX;
	enum release release = RELEASE_KEEP;
	bool begun = false;
	int error = 0;

	while (error == 0) {
		uint32_t seen;

		(void)atomic_fetch_add(&p->waiting, 1);
		seen = atomic_load(&p->release);
		release = look_blocking(h, plan, random, &due);
		if (release != RELEASE_KEEP)
			break;
		if (!begun) {
			slot_count(SLOT_WAITED);
			process_kick();
		}
		begun = true;
		error = sleep_once(plan, seen, end, due);
	}
	if (begun)
		slot_waited(clock_now_ns() - h->since_ns);
	if (error != 0)
		return leave(h, plan, error);
	if (release == RELEASE_GO)
		return 0;
	if (begun)
		slot_count(SLOT_GIVEN_UP);
	return ECONNREFUSED;
}

int hold_connect(const struct hold *h, struct plan *plan)
{
	const bool awaits = plan->verdict == ROUTE_WAIT;
	const struct wish *wish = wish_find();
	uint64_t released = atomic_load_explicit(&h->followed->released_ns, memory_order_relaxed);

	if (!awaits &&
		(released == 0 || !leads(plan) || plan->now_ns >= released + window_of(plan->map)))
		return 0;
	if (plan->hold_ns == 0 || (awaits && wish && !wish->never_waits))
		return awaits ? ECONNREFUSED : 0;
	if (is_blocking(h->fd) || (wish && !wish->never_waits))
		return wait_here(h, plan);
	if (park(h, plan)) {
		slot_count(SLOT_WAITED);
		return EINPROGRESS;
	}
	return awaits ? ECONNREFUSED : 0;
}

static void wait_for_gap(int fd, struct socket_record *record)
{
	static const struct timespec moment = {.tv_nsec = 50000};
	uint64_t cookie = record->cookie;

	for (int i = 0; i < GAP_TRIES && record->held == SOCKET_LEAVES; i++) {
		(void)nanosleep(&moment, NULL);
		if (!sockets_read(fd, record) || record->cookie != cookie)
			record->held = SOCKET_FREE;
	}
}

bool hold_goes_on(int fd, uint64_t cookie, uint64_t *ret_since_ns)
{
	struct socket_record record, none;
	struct pollfd state = {.fd = fd};

	if (!sockets_read(fd, &record) || record.cookie != cookie)
		return false;
	wait_for_gap(fd, &record);
	if (record.held != SOCKET_PARKED || poll(&state, 1, 0) != 0)
		return false;
	if (!is_blocking(fd) || record.holder != own_pid())
		return true;
	none = record;
	none.held = SOCKET_FREE;
	if (!sockets_replace(fd, SOCKET_PARKED, &none))
		return hold_goes_on(fd, cookie, ret_since_ns);
	(void)socket_disconnect(fd);
	sockets_forget(fd, cookie);
	*ret_since_ns = record.since_ns;
	return false;
}

bool hold_answers(int fd)
{
	struct socket_record record;

	return sockets_read(fd, &record) && record.held != SOCKET_FREE &&
		socket_cookie(fd) == record.cookie;
}

static int put_error(void *value, socklen_t *len, int error)
{
	memcpy(value, &error, least(*len, sizeof(error)));
	return 0;
}

/* What the socket says of a connect that may be in its gap; the record is one of behind that. */
static int ask(int fd, struct socket_record *record, void *value, socklen_t *len)
{
	uint64_t made_ns;
	int r;

	do {
		wait_for_gap(fd, record);
		made_ns = record->made_ns;
		r = real_get()->getsockopt(fd, SOL_SOCKET, SO_ERROR, value, len);
		if (!sockets_read(fd, record))
			record->held = SOCKET_FREE;
	} while (record->held == SOCKET_LEAVES || record->made_ns != made_ns);
	return r;
}

static bool settle(int fd, struct socket_record *record)
{
	enum socket_held held = (enum socket_held)record->held;

	record->held = SOCKET_FREE;
	return sockets_replace(fd, held, record);
}

int hold_error(int fd, void *value, socklen_t *len)
{
	struct pollfd outcome = {.fd = fd, .events = POLLOUT};
	struct socket_record record;
	int r, error = 0, saved = errno;

	if (!sockets_read(fd, &record))
		return real_get()->getsockopt(fd, SOL_SOCKET, SO_ERROR, value, len);
	for (int i = 0; i < 2; i++) {
		r = ask(fd, &record, value, len);
		if (r < 0 || record.held == SOCKET_FREE)
			return r;
		memcpy(&error, value, least(*len, sizeof(error)));
		if (error != 0 || !is_connecting(fd))
			break;
		/* As of any socket that is connecting: it was not our gap that woke who asks. */
		if (record.held == SOCKET_PARKED && record.made_ns == record.since_ns)
			return r;
		if (i == 0)
			(void)poll(&outcome, 1, OUTCOME_MS);
		else
			(void)put_error(value, len, EINPROGRESS);
	}
	errno = saved;
	if (error == 0 && is_connecting(fd))
		return r;
	if (error == 0 && record.error != 0)
		(void)put_error(value, len, record.error);
	if (record.held == SOCKET_LEFT)
		(void)settle(fd, &record);
	return r;
}

/* Between two connects: nobody may take it for what it was, or for what it will be. */
static void lead(int fd, const struct socket_record *from, struct socket_record *to,
	enum socket_held then)
{
	int own = socket_borrow(fd, from->cookie), error;

	if (own < 0)
		return;
	to->held = SOCKET_LEAVES;
	to->made_ns = clock_now_ns();
	if (!connects_to(own, &from->socket.real, (int)from->family) ||
		!sockets_replace(fd, SOCKET_PARKED, to)) {
		socket_give_back(fd, own);
		return;
	}
	error = socket_disconnect(own) ? begin_connect(own, &to->socket.real, (int)to->family)
				       : EINPROGRESS;
	to->error = error == EINPROGRESS ? 0 : error;
	to->held = then;
	(void)sockets_replace(fd, SOCKET_LEAVES, to);
	socket_give_back(fd, own);
}

/* Where nobody listens, and nobody can. */
static void refuse(int fd, const struct socket_record *record)
{
	struct socket_record to = *record;

	to.socket.role = PEL_ROLE_UNKNOWN;
	to.socket.real.port = 0;
	lead(fd, record, &to, SOCKET_LEFT);
	slot_count(SLOT_GIVEN_UP);
	slot_count(SLOT_REFUSED);
}

static void go(int fd, const struct socket_record *record, const struct plan *plan)
{
	struct socket_record to = *record;

	to.socket = plan_socket(plan);
	to.pending = plan->identity != 0 && !reachability_is_proven(plan->identity);
	(void)atomic_fetch_add_explicit(&followed_at(record->followed)->turn, 1,
		memory_order_relaxed);
	lead(fd, record, &to, SOCKET_LEFT);
	if (to.pending)
		reachability_begin();
	slot_count_sockets(1);
	slot_count(SLOT_ROUTED);
}

static void park_anew(int fd, const struct socket_record *record, const struct plan *plan)
{
	struct socket_record to = *record;

	to.socket.real = place_to_park(plan, record->families);
	lead(fd, record, &to, SOCKET_PARKED);
}

/* By the role that its connect() had, which a call of a client library may have wished for. */
static void plan_parked(const struct socket_record *record, struct plan *plan)
{
	struct followed *f = followed_at(record->followed);
	struct wish *wish;

	plan_make(f, record->families, record->port, plan);
	if (plan->role == record->socket.role || !plan->found)
		return;
	wish = wish_begin(f, record->socket.role, true);
	plan_make(f, record->families, record->port, plan);
	(void)wish_end(wish);
}

static enum release look_parked(const struct socket_record *record, struct plan *plan,
	uint64_t *ret_due_ns)
{
	struct release_look look = {
		.until_ns = record->until_ns,
		.parked_at = record->socket.real.port,
		.parked_ns = record->made_ns,
	};

	plan_parked(record, plan);
	look.now_ns = plan->now_ns;
	look.verdict = plan->verdict;
	look.leads = leads(plan);
	look.wrong = look.leads &&
		plan_is_outdated(plan, followed_at(record->followed), env_get()->sever);
	look.over = is_over(plan);
	look.starting = is_starting(plan);
	look.park = place_to_park(plan, record->families).port;
	if (look.leads)
		look.due_ns = due_of(followed_at(record->followed), plan, record->since_ns,
			record->cookie * UINT64_C(0x9e3779b97f4a7c15));
	*ret_due_ns = look.leads && look.due_ns > look.now_ns ? look.due_ns : look.until_ns;
	return release_decide(&look);
}

/* One number.  How long it waits at most from now on, or 0 if nothing is parked there. */
static uint64_t look_at(int fd)
{
	struct socket_record record;
	struct plan plan;
	uint64_t due;

	if (!sockets_read(fd, &record) || record.held != SOCKET_PARKED ||
		record.holder != own_pid())
		return 0;
	if (socket_cookie(fd) != record.cookie ||
		!connects_to(fd, &record.socket.real, (int)record.family)) {
		slot_waited(clock_now_ns() - record.since_ns);
		slot_count(SLOT_GIVEN_UP);
		sockets_forget(fd, record.cookie);
		return 0;
	}
	switch (look_parked(&record, &plan, &due)) {
	case RELEASE_GO:
		go(fd, &record, &plan);
		break;
	case RELEASE_REFUSE:
		refuse(fd, &record);
		break;
	case RELEASE_REPARK:
		park_anew(fd, &record, &plan);
		return LOOK_NS;
	default:
		return due > plan.now_ns ? due - plan.now_ns : 1;
	}
	slot_waited(plan.now_ns - record.since_ns);
	return 0;
}

static uint32_t look_at_parked(uint64_t *next)
{
	struct process *p = process_get();
	uint32_t seen = atomic_load(&p->parked), n = 0;

	for (int fd = 0, limit = seen ? sockets_limit() : 0; fd < limit; fd++) {
		uint64_t rest = look_at(fd);

		n += rest != 0;
		*next = rest ? least(*next, rest) : *next;
	}
	if (n == 0 && seen)
		(void)atomic_compare_exchange_strong(&p->parked, &seen, 0);
	return n;
}

/* How many there are, of those who have looked lately. */
static uint32_t wake_waiting(bool changed)
{
	struct process *p = process_get();

	if (changed && (atomic_load(&p->waiting) || atomic_load(&p->waited))) {
		atomic_store(&p->waited, atomic_exchange(&p->waiting, 0));
		(void)atomic_fetch_add(&p->release, 1);
		futex_wake_own(&p->release);
	}
	return atomic_load(&p->waited) > atomic_load(&p->waiting) ? atomic_load(&p->waited)
								  : atomic_load(&p->waiting);
}

uint64_t hold_look(const struct pel_map *map, uint64_t now_ns)
{
	static const struct pel_map *seen_map;
	static uint32_t seen_word;
	static uint64_t woken_ns;
	uint32_t word = mapview_word(), held;
	uint64_t next = LOOK_NS;
	bool changed = map != seen_map || word != seen_word || now_ns - woken_ns >= LOOK_NS;

	if (changed)
		woken_ns = now_ns;
	seen_map = map;
	seen_word = word;
	held = wake_waiting(changed) + look_at_parked(&next);
	slot_hold(held);
	return held ? next : HOLD_NEVER;
}
