/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait are not listed anywhere: one may be cancelled, or a signal handler jump out of its
 * wait.  They are counted as they look, and woken at each change and each LOOK_NS; who does not look
 * again is no longer counted.  Behind a signal's handler the sleep goes on if a connect() would: not one
 * of a socket with a limit of its own.
 */
#include "hold.h"

#include "parked.h"
#include "reachability.h"
#include "watcher.h"
#include "common/clock.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/quiet.h"
#include "known/trace.h"
#include "known/waiter.h"
#include "known/wish.h"
#include "prober/slot.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define LOOK_NS UINT64_C(250000000)
#define LOOKED_NS UINT64_C(5000000000) /* then nobody looks again of those that were woken */
#define MIX UINT64_C(0x9e3779b97f4a7c15)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int32_t own_pid(void)
{
	return atomic_load_explicit(&process_get()->pid, memory_order_relaxed);
}

void hold_crowd(struct followed *f, uint64_t now_ns)
{
	atomic_store(&f->released_ns, now_ns);
}

/*
 * An IPv6 socket that was once connected to a mapped address never reaches another kind: so it is
 * parked as what it is, if it can be.
 */
static int begin(const struct hold *h, const struct plan *plan, struct socket_record *record)
{
	int r;

	for (uint8_t family = h->family == AF_INET ? 4 : 6; family >= 4; family -= 2) {
		record->socket.real = waiter_place(plan, family);
		if (record->socket.real.port == 0 ||
			!(h->families & (family == 4 ? ROUTE_FAMILY4 : ROUTE_FAMILY6)))
			continue;
		r = parked_begin(h->fd, record);
		/* The last two: a duplicate of one that is on its way, or there, already. */
		if (r == EINPROGRESS || r == EALREADY || r == EISCONN)
			return r;
	}
	return ECONNREFUSED;
}

/* A socket that is not yet on its way, or no longer.  EINPROGRESS, or what connect() is to fail with. */
static int park(const struct hold *h, const struct plan *plan, uint64_t due_ns)
{
	struct wish *wish = wish_find();
	int r = ECONNREFUSED;
	struct socket_record record = {
		.cookie = h->cookie,
		.socket = {.uid = plan->found ? plan->hot.uid : 0, .role = plan->role},
		.made_ns = plan->now_ns,
		.followed = followed_index(h->followed),
		.port = h->port,
		.families = h->families,
		.family = (uint16_t)h->family,
		.since_ns = h->since_ns,
		.until_ns = h->until_ns ? h->until_ns : h->since_ns + plan->hold_ns,
		.due_ns = due_ns,
		.gaps = h->due_ns != 0,
		.holder = own_pid(),
	};

	if (h->cookie != 0 && h->parkable && mapview_is_of_our_netns(plan->map) && watcher_arm())
		r = begin(h, plan, &record);
	if (r != EINPROGRESS)
		return r;
	trace("hold", h->followed->name, route_word(plan->reason), NULL, h->fd, 0);
	if (wish)
		wish->fd = h->fd;
	(void)atomic_fetch_add(&process_get()->parked, 1);
	process_kick();
	return r;
}

/* When a blocking call's own limit is over. */
static uint64_t end_of(int fd)
{
	struct timeval limit = {0};
	socklen_t n = sizeof(limit);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &n) < 0 ||
		(limit.tv_sec == 0 && limit.tv_usec == 0))
		return UINT64_MAX;
	return clock_now_ns() + (uint64_t)limit.tv_sec * UINT64_C(1000000000) +
		(uint64_t)limit.tv_usec * 1000;
}

/* One sleep of a thread that waits.  0, EINTR, or EINPROGRESS when its own limit is over. */
static int sleep_once(uint32_t seen, uint64_t end_ns, uint64_t due_ns)
{
	const _Atomic uint32_t *word = &process_get()->release;
	uint64_t now = clock_now_ns(), until = due_ns > now ? least(due_ns, end_ns) : end_ns;

	if (end_ns <= now)
		return EINPROGRESS;
	if (watcher_arm())
		return futex_wait_as_call(word, seen, until == UINT64_MAX ? until : until - now,
			end_ns == UINT64_MAX);
	futex_wait(NULL, 0, word, seen, least(until - now, LOOK_NS));
	return 0;
}

/*
 * What ends without an outcome leaves the socket as a slow server would, on its way, whatever the
 * program does with it next.  A call of a client library has a limit of its own, and goes on.
 */
static int leave(const struct hold *h, const struct plan *plan, int error)
{
	if (waiter_leads(plan) && !parked_blocks(h->fd))
		return 0;
	if (h->fd >= 0 && park(h, plan, waiter_leads(plan) ? plan->now_ns : 0) == EINPROGRESS)
		return error;
	slot_count(SLOT_GIVEN_UP);
	return error == EINTR ? EINTR : ECONNREFUSED;
}

/* Another thread has closed it: the kernel would go on with the socket, we have its number alone. */
static bool is_gone(const struct hold *h)
{
	return h->cookie != 0 && socket_cookie(h->fd) != h->cookie;
}

int hold_wait(const struct hold *h, struct plan *plan)
{
	struct process *p = process_get();
	const bool awaits = plan->verdict == ROUTE_WAIT;
	struct waiter w = {
		.followed = h->followed,
		.families = h->families,
		.port = h->port,
		.since_ns = h->since_ns,
		.random = process_random(),
		.look.until_ns = h->until_ns ? h->until_ns : h->since_ns + plan->hold_ns,
		.look.due_ns = h->due_ns,
	};
	uint64_t end_ns = end_of(h->fd);
	enum release release = RELEASE_KEEP;
	bool begun = false;
	uint32_t seen = 0;
	int error = 0;

	/* One of a crowd, but not one that has waited: it lets nobody go until it does. */
	if (!awaits)
		w.since_ns = 1;
	/* Without a socket it is a call of a client library, which goes on behind any signal. */
	while (error == 0 || (error == EINTR && h->fd < 0)) {
		/* Once for each time that all are woken: a signal is none. */
		if (!begun || seen != atomic_load(&p->release))
			(void)atomic_fetch_add(&p->waiting, 1);
		seen = atomic_load(&p->release);
		error = 0;
		release = waiter_look(&w, plan);
		if (release != RELEASE_KEEP)
			break;
		if (!begun) {
			trace("hold", h->followed->name, route_word(plan->reason), NULL, h->fd, 0);
			slot_count(SLOT_WAITED);
			process_kick();
		}
		begun = true;
		error = sleep_once(seen, end_ns, w.look.due_ns);
		if (error == 0 && is_gone(h))
			error = EBADF;
	}
	if (begun)
		slot_waited(clock_now_ns() - h->since_ns);
	if (error != 0)
		return is_gone(h) ? error : leave(h, plan, error);
	if (begun && release == RELEASE_REFUSE)
		slot_count(SLOT_GIVEN_UP);
	return release == RELEASE_GO ? 0 : ECONNREFUSED;
}

/* True for one of a crowd that comes back. */
static bool is_crowded(const struct hold *h, const struct plan *plan)
{
	uint64_t released = atomic_load_explicit(&h->followed->released_ns, memory_order_relaxed);

	return released != 0 && waiter_leads(plan) &&
		plan->now_ns < released + waiter_window_ns(plan);
}

int hold_connect(const struct hold *h, struct plan *plan)
{
	const bool awaits = plan->verdict == ROUTE_WAIT;
	const struct wish *wish;
	uint64_t due = awaits ? 0 : h->due_ns;
	int r;

	if (!awaits && due == 0 && !is_crowded(h, plan))
		return 0;
	wish = wish_find();
	if (plan->hold_ns == 0 || (wish && !wish->never_waits && (awaits || wish->has_waited)))
		return awaits ? ECONNREFUSED : 0;
	if (parked_blocks(h->fd) || (wish && !wish->never_waits))
		return hold_wait(h, plan);
	if (!awaits && due == 0)
		due = release_due_ns(atomic_load(&h->followed->released_ns), waiter_window_ns(plan),
			process_random());
	if (!awaits && (due <= plan->now_ns || !futex_waits_for_two()))
		return 0;
	r = park(h, plan, due);
	if (r == EINPROGRESS)
		slot_count(SLOT_WAITED);
	return awaits || r != ECONNREFUSED ? r : 0;
}

bool hold_instead(int fd, const struct socket_record *record)
{
	struct socket_record to = *record;
	struct plan plan;

	if (record->port == 0 || record->holder != own_pid() || !parked_is_there(fd, record) ||
		parked_blocks(fd))
		return false;
	plan_make(followed_at(record->followed), record->families, record->port, &plan);
	to.socket.identity = 0;
	to.socket.real = waiter_place(&plan, record->socket.real.family);
	to.pending = SOCKET_SETTLED;
	to.since_ns = plan.now_ns;
	to.until_ns = plan.now_ns + plan.hold_ns;
	to.due_ns = 0;
	if (plan.hold_ns == 0 || to.socket.real.port == 0 || !mapview_is_of_our_netns(plan.map) ||
		!parked_lead(fd, record, &to, SOCKET_PARKED))
		return false;
	(void)atomic_fetch_add(&process_get()->parked, 1);
	slot_count_sockets(-1);
	slot_count(SLOT_WAITED);
	return true;
}

/* It is the program's own, is to be led, and was not yet. */
static bool may_go_on(int fd, const struct socket_record *record)
{
	return record->port != 0 && record->held == SOCKET_FREE && record->gaps == 0 &&
		record->socket.identity != 0 && record->holder == own_pid() &&
		socket_cookie(fd) == record->cookie && !parked_blocks(fd);
}

/* True if it goes on connecting: to another reader, or at a place to wait for the writer. */
static bool go_on(int fd)
{
	struct socket_record record;
	struct plan plan;
	struct hold h;

	if (!sockets_read(fd, &record) || !may_go_on(fd, &record))
		return false;
	h = (struct hold){
		.fd = fd,
		.family = record.family,
		.families = record.families,
		.port = record.port,
		.parkable = true,
		.cookie = record.cookie,
		.followed = followed_at(record.followed),
	};
	if (!waiter_past(h.followed, h.families, h.port, &record.socket, &plan) ||
		!socket_disconnect(fd))
		return false;
	h.since_ns = plan.now_ns;
	h.due_ns = waiter_doubt_ns(&plan, &record.socket);
	if (hold_connect(&h, &plan) != EINPROGRESS)
		return false;
	slot_count_sockets(-1);
	return true;
}

void hold_answered(int fd, void *error, socklen_t n, const void *caller)
{
	struct quiet quiet;
	int word = 0;

	if (n >= sizeof(word))
		memcpy(&word, error, sizeof(word));
	if (word != ECONNREFUSED)
		return;
	quiet = quiet_begin();
	word = parked_word(caller);
	if (word != 0 && go_on(fd))
		memcpy(error, &word, sizeof(word));
	quiet_end(quiet);
}

/* By the role that its connect() had, which a call of a client library may have wished for. */
static enum release look_parked(const struct socket_record *record, struct waiter *w,
	struct plan *plan)
{
	enum release r = waiter_look(w, plan);
	struct wish *wish;

	if (plan->role == record->socket.role || !plan->found)
		return r;
	wish = wish_begin(w->followed, record->socket.role, true);
	w->look.due_ns = record->due_ns;
	r = waiter_look(w, plan);
	(void)wish_end(wish);
	return r;
}

/* What is no longer what was parked, or no longer waits. */
static uint64_t end_wait(int fd, const struct socket_record *record, bool gone)
{
	slot_waited(clock_now_ns() - record->since_ns);
	if (gone) {
		slot_count(SLOT_GIVEN_UP);
		sockets_forget(fd, record->cookie);
	}
	return 0;
}

/* Where it goes next: to the writer, to another place to wait, or where nobody listens and nobody can. */
static struct socket_record next_of(const struct socket_record *record, enum release release,
	const struct plan *plan)
{
	struct socket_record to = *record;

	if (release == RELEASE_GO) {
		to.socket = plan_socket(plan);
		to.pending = plan->identity != 0 && !reachability_is_proven(plan->identity);
		return to;
	}
	to.socket.real = waiter_place(plan, record->socket.real.family);
	if (release == RELEASE_REFUSE) {
		to.socket.role = PEL_ROLE_UNKNOWN;
		to.socket.real.port = 0;
	}
	return to;
}

static void count_left(enum release release, const struct socket_record *to)
{
	if (release == RELEASE_GO) {
		(void)atomic_fetch_add(&followed_at(to->followed)->turn, 1);
		slot_count_sockets(1);
		slot_count(SLOT_ROUTED);
		if (to->pending)
			reachability_begin();
	} else {
		slot_count(SLOT_GIVEN_UP);
		slot_count(SLOT_REFUSED);
	}
}

/* One number.  How long it waits from now on before it is looked at, or 0 if nothing waits there. */
static uint64_t look_at(int fd)
{
	struct socket_record record, to;
	struct plan plan;
	struct waiter w;
	enum release release;
	uint64_t at;

	if (!sockets_read(fd, &record) || record.held != SOCKET_PARKED ||
		record.holder != own_pid())
		return 0;
	if (socket_cookie(fd) != record.cookie || !parked_is_there(fd, &record))
		return end_wait(fd, &record, true);
	w = (struct waiter){
		.followed = followed_at(record.followed),
		.families = record.families,
		.port = record.port,
		.parked = record.socket.real.family,
		.since_ns = record.since_ns,
		.random = record.cookie * MIX,
		.look = {.until_ns = record.until_ns,
			.due_ns = record.due_ns,
			.parked_at = record.socket.real.port},
	};
	release = look_parked(&record, &w, &plan);
	/* See begin(). */
	if (release == RELEASE_GO && record.socket.real.family == 4 && plan.target.family == 6)
		release = RELEASE_REFUSE;
	if (release == RELEASE_KEEP) {
		record.due_ns = w.look.due_ns;
		(void)sockets_replace(fd, &record, &record);
		at = w.look.leads && w.look.due_ns > plan.now_ns ? w.look.due_ns : record.until_ns;
		return at > plan.now_ns ? at - plan.now_ns : LOOK_NS;
	}
	to = next_of(&record, release, &plan);
	if (!parked_lead(fd, &record, &to,
		    release == RELEASE_REPARK ? SOCKET_PARKED : SOCKET_LEFT) ||
		release == RELEASE_REPARK)
		return LOOK_NS;
	trace("release", w.followed->name,
		release == RELEASE_GO ? route_word(plan.reason) : "in-vain", &to.socket.real, fd,
		0);
	count_left(release, &to);
	return end_wait(fd, &record, false);
}

/* Those who were led a moment ago are still asked for by their duplicates. */
static uint32_t look_at_parked(uint64_t now_ns, uint64_t *next)
{
	static uint64_t parked_ns;
	struct process *p = process_get();
	uint32_t seen = atomic_load(&p->parked), n = 0;

	for (int fd = 0, limit = seen ? sockets_limit() : 0; fd < limit; fd++) {
		uint64_t rest = look_at(fd);

		n += rest != 0;
		*next = rest ? least(*next, rest) : *next;
	}
	if (n > 0)
		parked_ns = now_ns;
	else if (seen && now_ns > parked_ns + LOOK_NS)
		(void)atomic_compare_exchange_strong(&p->parked, &seen, 0);
	return n;
}

/* How many threads there are, of those that have looked lately. */
static uint32_t wake_waiting(bool changed)
{
	struct process *p = process_get();
	uint32_t now, before;

	if (changed && (atomic_load(&p->waiting) || atomic_load(&p->waited))) {
		atomic_store(&p->waited, atomic_exchange(&p->waiting, 0));
		(void)atomic_fetch_add(&p->release, 1);
		futex_wake_own(&p->release);
	}
	now = atomic_load(&p->waiting);
	before = atomic_load(&p->waited);
	return before > now ? before : now;
}

/* Where the kernel cannot wait for two words nobody can kick us: we look while somebody may come. */
static bool is_writer_awaited(void)
{
	struct plan plan;

	for (unsigned i = 0, n = futex_waits_for_two() ? 0 : followed_count(); i < n; i++) {
		plan_make(followed_at(i), ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
		if (plan.verdict == ROUTE_WAIT)
			return true;
	}
	return false;
}

uint64_t hold_look(const struct pel_map *map, uint64_t now_ns)
{
	static const struct pel_map *seen_map;
	static uint32_t seen_word;
	static uint64_t woken_ns, held_ns;
	uint32_t word = mapview_word(), held;
	uint64_t next = LOOK_NS;
	bool changed = map != seen_map || word != seen_word || now_ns - woken_ns >= LOOK_NS;

	if (changed)
		woken_ns = now_ns;
	seen_map = map;
	seen_word = word;
	held = wake_waiting(changed) + look_at_parked(now_ns, &next);
	slot_hold(held);
	if (held)
		held_ns = now_ns;
	/* Where all is slow who was woken has not looked yet. */
	return now_ns - held_ns < LOOKED_NS || atomic_load(&process_get()->parked) ||
			is_writer_awaited()
		? next
		: HOLD_NEVER;
}
