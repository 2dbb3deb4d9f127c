/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed tables: the proven instances, and the failures that await a verdict.
 *
 * A pending socket is polled, not duplicated: poll() keeps it alive for as long as it lasts, takes
 * no descriptor number from the host, and leaves the error for the host to read.  A socket that is
 * gone before it was looked at says nothing: a program may connect to see that it can.  Given up by
 * the program after CONNECTING_NS in which nobody answered, GIVEN_UP_MAX in a row count as a failure.
 */
#include "reachability.h"

#include "sockets.h"
#include "common/clock.h"
#include "base/say.h"
#include "known/mapview.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define PROVEN 64
#define FAILURES 8
#define PENDING 16
#define POLL_MS 10
#define LOOK_NS UINT64_C(100000000)
#define CONNECTING_NS UINT64_C(250000000)
#define GIVEN_UP_MAX 3
#define SILENCE_NS UINT64_C(2000000000) /* connecting for so long, while the prober hears from it */

enum { FREE, BEING_FILLED, FULL };

static struct {
	_Atomic uint64_t proven[PROVEN];
	_Atomic uint32_t next_proven;
	_Atomic uint32_t begun; /* connects to look after; the watcher looks while it moves */
	struct {
		_Atomic uint32_t state;
		uint32_t followed;
		struct reach_failure failure;
	} failures[FAILURES];
} tables;

/* The watcher's own. */
static struct {
	uint32_t begun_seen;
	uint64_t given_up_identity;
	unsigned given_up;
} own;

bool reachability_is_proven(uint64_t identity)
{
	for (unsigned i = 0; i < PROVEN; i++) {
		uint64_t p = atomic_load_explicit(&tables.proven[i], memory_order_relaxed);

		if (p == identity || p == 0)
			return p != 0;
	}
	return false;
}

void reachability_prove(uint64_t identity)
{
	uint32_t i;

	if (identity == 0 || reachability_is_proven(identity))
		return;
	i = atomic_fetch_add(&tables.next_proven, 1) % PROVEN;
	atomic_store(&tables.proven[i], identity);
}

static void add_failure(uint32_t followed, const struct reach_failure *f)
{
	for (unsigned i = 0; i < FAILURES; i++) {
		uint32_t is_free = FREE;

		if (!atomic_compare_exchange_strong(&tables.failures[i].state, &is_free,
			    BEING_FILLED))
			continue;
		tables.failures[i].followed = followed;
		tables.failures[i].failure = *f;
		atomic_store(&tables.failures[i].state, FULL);
		return;
	}
}

void reachability_suspect(const struct followed *name, const struct plan *plan)
{
	const struct reach_failure f = {
		.identity = plan->identity,
		.uid = plan->hot.uid,
		.generation = plan->hot.generation,
		.failed_ns = clock_now_ns(),
	};

	add_failure(followed_index(name), &f);
	reachability_begin();
}

void reachability_begin(void)
{
	(void)atomic_fetch_add(&tables.begun, 1);
}

/* One failure that awaits its verdict.  True if it still does. */
static bool judge(uint32_t followed, const struct reach_failure *f, const struct pel_map *map,
	uint64_t now)
{
	struct followed *name = followed_at(followed);
	struct pel_ref ref;
	struct pel_hot hot;
	enum reach_verdict v = REACH_DROP;

	if (mapview_read(map, name->name, name->hash, &ref, &hot) == 0)
		v = reach_judge(f, &hot, mapview_is_fresh(map, now), now);
	if (v == REACH_EXCLUDE) {
		followed_exclude(name, f->identity, now + REACHABILITY_EXCLUDED_NS);
		say(SAY_UNREACHABLE_FROM_HERE, name->name);
	}
	return v == REACH_WAIT;
}

static bool judge_all(const struct pel_map *map, uint64_t now)
{
	bool some = false;

	for (unsigned i = 0; i < FAILURES; i++) {
		if (atomic_load(&tables.failures[i].state) != FULL)
			continue;
		if (judge(tables.failures[i].followed, &tables.failures[i].failure, map, now))
			some = true;
		else
			atomic_store(&tables.failures[i].state, FREE);
	}
	return some;
}

/* The generation of now stands for that of the connect: a flip in between has severed it. */
static void fail(const struct socket_record *record, const struct pel_map *map, uint64_t failed_ns)
{
	struct followed *name = followed_at(record->followed);
	struct reach_failure f = {.identity = record->socket.identity, .failed_ns = failed_ns};
	struct pel_ref ref;
	struct pel_hot hot;

	if (record->socket.identity == 0)
		(void)followed_unpin(name, &record->socket.real);
	if (record->socket.identity == 0 ||
		mapview_read(map, name->name, name->hash, &ref, &hot) < 0)
		return;
	f.uid = hot.uid;
	f.generation = hot.generation;
	add_failure(record->followed, &f);
}

static void settle(int fd, struct socket_record *record, enum socket_pending pending)
{
	const struct socket_record before = *record;

	if (record->pending == pending)
		return;
	record->pending = (uint16_t)pending;
	(void)sockets_replace(fd, &before, record);
}

static void vanish(int fd, struct socket_record *record, const struct pel_map *map, uint64_t now)
{
	sockets_forget(fd, record->cookie);
	if (record->pending != SOCKET_SILENT)
		return;
	if (own.given_up_identity != record->socket.identity)
		own.given_up = 0;
	own.given_up_identity = record->socket.identity;
	if (++own.given_up < GIVEN_UP_MAX)
		return;
	own.given_up = 0;
	fail(record, map, now);
}

/* Also if the program has shut it down since. */
static bool was_established(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
		info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_CLOSE;
}

/* What poll() saw of one socket.  True if it is still pending. */
static bool conclude(int fd, struct socket_record *record, short events, const struct pel_map *map,
	uint64_t now)
{
	if (socket_cookie(fd) != record->cookie) {
		vanish(fd, record, map, now);
		return false;
	}
	if (events == 0 && now - record->made_ns < SILENCE_NS) {
		if (now - record->made_ns > CONNECTING_NS)
			settle(fd, record, SOCKET_SILENT);
		return true;
	}
	settle(fd, record, SOCKET_SETTLED);
	if (events == 0) {
		fail(record, map, record->made_ns + SILENCE_NS / 2);
	} else if (was_established(fd)) {
		own.given_up = 0;
		reachability_prove(record->socket.identity);
	} else {
		fail(record, map, now);
	}
	return false;
}

static unsigned collect(struct pollfd polled[PENDING], struct socket_record records[PENDING])
{
	unsigned n = 0;

	for (int fd = 0, limit = sockets_limit(); fd < limit && n < PENDING; fd++) {
		if (!sockets_read(fd, &records[n]) || !records[n].pending || records[n].severed)
			continue;
		polled[n] = (struct pollfd){.fd = fd, .events = POLLOUT};
		n++;
	}
	return n;
}

static bool look_at_pending(const struct pel_map *map)
{
	struct pollfd polled[PENDING];
	struct socket_record records[PENDING];
	unsigned n = collect(polled, records), left = 0;
	uint64_t now;

	if (n == 0)
		return false;
	(void)poll(polled, n, POLL_MS);
	now = clock_now_ns();
	for (unsigned i = 0; i < n; i++) {
		if (conclude(polled[i].fd, &records[i], polled[i].revents, map, now))
			left++;
	}
	return left > 0;
}

uint64_t reachability_look(const struct pel_map *map)
{
	uint32_t begun = atomic_load(&tables.begun);
	bool pending, waiting;

	if (begun == own.begun_seen)
		return REACHABILITY_NEVER;
	pending = look_at_pending(map);
	waiting = judge_all(map, clock_now_ns());
	if (!pending && !waiting) {
		own.begun_seen = begun;
		return REACHABILITY_NEVER;
	}
	return pending ? 0 : LOOK_NS;
}
