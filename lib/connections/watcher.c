/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher's loop: take the map's wake word, scan, sleep on the value that was taken.
 *
 * A scan asks of each followed name whether its cluster's generation is another than at the last scan; only
 * then the topology is copied and the sockets of that name are judged.  The prober may have been
 * restarted, its file made anew and the cluster's record be another: so the name is looked up each
 * time, and a record's uid counts as a change like a generation does.
 *
 * While there is no map, or the name is not in it, there is nothing to sleep on: it looks again
 * after 0.25 s, 0.5 s, 1 s and so on, up to the 30 s of its idle look.
 */
#include "watcher.h"

#include "hold.h"
#include "observe.h"
#include "reachability.h"
#include "sockets.h"
#include "rules/sever.h"
#include "common/clock.h"
#include "common/words.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/real.h"
#include "base/say.h"
#include "known/drill.h"
#include "known/followed.h"
#include "known/mapview.h"
#include "known/plan.h"
#include "known/trace.h"
#include "prober/follow.h"
#include "prober/slot.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#define STACK_SIZE (256 * 1024) /* address space, of which a few pages are used */
#define FIRST_RETRY_NS UINT64_C(250000000)
#define STORM_AFTER 16
#define STORM_PAUSE_NS UINT64_C(100000000)

enum watcher_state { WATCHER_NONE = 0, WATCHER_RUNS = 1 };

/* What the thread remembers between scans, per name. */
struct seen {
	const struct pel_map *map;
	uint64_t uid;
	uint64_t generation;
};

struct watcher {
	struct seen seen[FOLLOWED_MAX];
	bool all_found;     /* by the last scan, in a map whose prober lives */
	bool was_ours;      /* the last scan found a generation moved */
	bool is_held;       /* somebody waits for a writer */
	uint32_t word;      /* the wake word that it was last woken by */
	unsigned in_a_row;  /* wakes for somebody else, shortly after one another */
	uint64_t woken_ns;  /* the last of them */
	uint64_t retry_ns;  /* the next pause while not all are found */
	uint64_t looked_ns; /* the last idle look */
	uint32_t live;      /* sockets that it counted */
	struct drill drill;
};

struct verdict {
	unsigned followed;
	uint64_t now;
	enum pel_mode mode;
	struct pel_ref ref;
	struct pel_hot hot;
};

static void judge(int fd, const struct verdict *v)
{
	struct socket_record record;
	enum sever_reason reason;

	if (!sockets_read(fd, &record) || record.followed != v->followed || record.severed ||
		record.held == SOCKET_PARKED || record.held == SOCKET_LEAVES)
		return;
	record.socket.uid = v->hot.uid;
	record.socket.name = (uint8_t)v->ref.name;
	reason = sever_decide(&v->hot, &record.socket, env_get()->sever, true, v->now);
	if (reason < SEVER_FIRST)
		return;
	if (v->mode == PEL_MODE_OBSERVE) {
		observe_sever(fd, &record, reason);
		return;
	}
	if (hold_instead(fd, &record))
		return;
	if (socket_sever(fd, record.cookie) == 0) {
		trace("sever", followed_at(v->followed)->name,
			pel_word_of_severed(reason - SEVER_FIRST), &record.socket.real, fd, 0);
		hold_crowd(followed_at(v->followed), v->now);
		slot_count_severed(reason - SEVER_FIRST);
	} else {
		sockets_forget(fd, record.cookie);
	}
}

/*
 * One name.  False if the map does not have it, or nobody lives who vouches for what it says: what is
 * connected meanwhile is judged when somebody does, though the generation be the same.
 */
static bool scan_name(struct watcher *w, const struct pel_map *map, unsigned i, uint64_t now)
{
	const struct followed *f = followed_at(i);
	struct seen *seen = &w->seen[i];
	struct verdict v;

	if (!mapview_is_fresh(map, now)) {
		*seen = (struct seen){0};
		return false;
	}
	if (pel_map_find(map, f->name, f->hash, &v.ref) < 0)
		return false;
	if (seen->map == map && seen->uid == v.ref.uid &&
		seen->generation == pel_map_generation(map, v.ref.cluster))
		return true;
	if (mapview_read(map, f->name, f->hash, &v.ref, &v.hot) < 0)
		return false;
	v.followed = i;
	v.now = now;
	v.mode = plan_mode(f);
	for (int fd = 0, n = v.mode == PEL_MODE_OFF ? 0 : sockets_limit(); fd < n; fd++)
		judge(fd, &v);
	w->was_ours = true;
	/* Its lookups may all have been before there was a prober. */
	if (seen->map != map)
		slot_follow(f->hash, now);
	*seen = (struct seen){.map = map, .uid = v.hot.uid, .generation = v.hot.generation};
	return true;
}

static void scan(struct watcher *w, const struct pel_map *map, uint64_t now)
{
	w->all_found = map != NULL;
	w->was_ours = false;
	for (unsigned i = 0, n = followed_count(); map && i < n; i++) {
		if (!scan_name(w, map, i, now))
			w->all_found = false;
	}
}

static bool is_idle(int fd)
{
	struct pollfd unread = {.fd = fd, .events = POLLIN};
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && sever_is_idle(&info) &&
		poll(&unread, 1, 0) == 0;
}

/* One socket, which the drill (of one instance alone, if of that) ends if it is idle and led. */
static void drill_one(int fd, uint64_t of, uint64_t now)
{
	struct socket_record record;
	struct followed *f;

	if (!sockets_read(fd, &record) || record.severed || record.held == SOCKET_PARKED ||
		record.held == SOCKET_LEAVES)
		return;
	f = followed_at(record.followed);
	if (!drill_is_of(f, &record.socket, record.families, record.port, of) ||
		socket_cookie(fd) != record.cookie || !is_idle(fd) ||
		socket_sever(fd, record.cookie) < 0)
		return;
	trace("sever", f->name, "drill", &record.socket.real, fd, 0);
	hold_crowd(f, now);
	slot_count_severed(PEL_SEVERED_DRILL);
}

static void drill(struct watcher *w, const struct pel_map *map, uint64_t now)
{
	uint64_t of;

	if (!drill_is_begun(&w->drill, map, &of))
		return;
	for (int fd = 0, n = sockets_limit(); fd < n; fd++)
		drill_one(fd, of, now);
}

/* Which of our sockets still are there; the others are forgotten. */
static uint32_t count_live(void)
{
	struct socket_record record;
	uint32_t live = 0;

	for (int fd = 0, n = sockets_limit(); fd < n; fd++) {
		if (!sockets_read(fd, &record))
			continue;
		if (socket_cookie(fd) != record.cookie)
			sockets_forget(fd, record.cookie);
		else if (!record.severed && record.held != SOCKET_PARKED)
			live++;
	}
	return live;
}

static void tell_all(uint64_t now)
{
	for (unsigned i = 0, n = followed_count(); i < n; i++)
		(void)follow_tell(followed_at(i), 0, now);
}

/* What connects have asked for, which must not do it themselves. */
static void tell_asked(uint64_t now)
{
	for (unsigned i = 0, n = followed_count(); i < n; i++) {
		struct followed *f = followed_at(i);
		uint32_t port = atomic_load_explicit(&f->asked_port, memory_order_relaxed);

		if (port != 0 && atomic_compare_exchange_strong(&f->asked_port, &port, 0))
			(void)follow_tell(f, (uint16_t)port, now);
	}
}

/* The idle look.  While something is amiss with the map, its prober is looked for at each turn. */
static void look(struct watcher *w, uint64_t now)
{
	bool due = now - w->looked_ns >= WATCHER_LOOK_NS;

	if (due) {
		w->looked_ns = now;
		w->live = count_live();
		slot_look(now, w->live);
	}
	if (w->live > 0 && (due || !w->all_found))
		tell_all(now);
}

static uint64_t time_to_sleep(struct watcher *w, uint64_t now)
{
	uint64_t rest = WATCHER_LOOK_NS - (now - w->looked_ns);

	if (w->all_found) {
		w->retry_ns = FIRST_RETRY_NS;
		return rest;
	}
	if (w->retry_ns > rest)
		return rest;
	w->retry_ns *= 2;
	return w->retry_ns / 2;
}

/*
 * The word is one for all clusters.  Where others change many times a second each wake would cost
 * us more than it is worth: after some in a row the next is met a little later.
 */
static void rest_in_storm(struct watcher *w, struct process *process, uint32_t kick, uint32_t word,
	uint64_t now)
{
	bool moved = word != w->word;

	w->word = word;
	if (!moved || w->is_held)
		return;
	if (w->was_ours || now - w->woken_ns > STORM_PAUSE_NS * 2)
		w->in_a_row = 0;
	else if (w->in_a_row < STORM_AFTER)
		w->in_a_row++;
	w->woken_ns = now;
	if (w->in_a_row == STORM_AFTER)
		futex_wait(NULL, 0, &process->kick, kick, STORM_PAUSE_NS);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void *watch(void *unused)
{
	static struct watcher w;
	struct process *process = process_get();

	(void)prctl(PR_SET_NAME, "pelorus", 0, 0, 0);
	w = (struct watcher){.retry_ns = FIRST_RETRY_NS, .looked_ns = clock_now_ns(), .live = 1};
	for (;;) {
		uint64_t now = clock_now_ns();
		const struct pel_map *map = mapview_get(now);
		uint32_t kick = atomic_load_explicit(&process->kick, memory_order_acquire);
		uint32_t wake =
			map ? atomic_load_explicit(&map->header.wake, memory_order_acquire) : 0;
		uint64_t next, rest;

		scan(&w, map, now);
		drill(&w, map, now);
		next = hold_look(map, now);
		w.is_held = next != HOLD_NEVER;
		tell_asked(now);
		look(&w, now);
		next = least(next, least(reachability_look(map), slot_tell(now)));
		rest = time_to_sleep(&w, now);
		if (next == 0)
			continue;
		rest_in_storm(&w, process, kick, wake, now);
		futex_wait(map ? &map->header.wake : NULL, wake, &process->kick, kick,
			least(next, rest));
	}
	return NULL;
}

static bool start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t size = STACK_SIZE;
	sigset_t all, before;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return false;
	/* glibc takes a program's static TLS from the stack; of some programs it is larger. */
	if (real_get()->least_stack)
		size += real_get()->least_stack(&attr);
	(void)pthread_attr_setstacksize(&attr, size);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&thread, &attr, watch, NULL);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return r == 0;
}

bool watcher_arm(void)
{
	struct process *process = process_get();
	int saved = errno;

	bool runs = true;

	if (atomic_load_explicit(&process->watcher, memory_order_relaxed) == WATCHER_RUNS ||
		atomic_exchange(&process->watcher, WATCHER_RUNS) == WATCHER_RUNS)
		return true;
	if (!start()) {
		atomic_store(&process->watcher, WATCHER_NONE);
		say(SAY_NO_WATCHER, NULL);
		runs = false;
	}
	errno = saved;
	return runs;
}
