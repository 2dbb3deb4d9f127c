/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "call.h"
#include "closing.h"
#include "filter.h"
#include "questions.h"
#include "socket.h"
#include "sockets.h"
#include "task.h"
#include "waiting.h"

#include "base/env.h"
#include "base/environ.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/real.h"
#include "base/say.h"
#include "common/clock.h"
#include "common/names.h"
#include "known/block.h"
#include "prober/envcreds.h"
#include "prober/follow.h"
#include "prober/slot.h"
#include "prober/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 16
#define IDLE_NS UINT64_C(30000000000) /* between two looks whether sockets and prober are there */
#define NO_MAP_NS UINT64_C(250000000)
#define MAP_NS UINT64_C(1000000000)
#define SWEEP_FIRST 256

int worker_watch(struct worker *w, int fd, enum worker_event event, unsigned i)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)event << 32 | i};

	/* What the keeper says is waited for where it was asked. */
	if (event == WORKER_KEEPER)
		e.events = 0;
	else if (event == WORKER_STREAM_SERVER)
		e.events = EPOLLIN | EPOLLOUT | EPOLLET;
	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void worker_look_within(struct worker *w, uint64_t ns)
{
	w->next_ns = worker_least(w->next_ns, monotonic_ns() + ns);
}

void worker_beat(struct worker *w)
{
	atomic_store(&w->trap->busy_ns, monotonic_ns());
}

int worker_name(struct worker *w, struct followed *f)
{
	const bool is_first = w->trap->n_names == 0;
	int i = sockets_name(w->trap, f->name);

	if (i >= 0)
		w->followed[i] = f;
	if (is_first)
		process_kick();
	return i;
}

/* Sleeps until the map moves, or somebody kicks, and kicks the loop; without names for no map. */
static void *watch(void *context)
{
	struct worker *w = context;
	struct process *p = process_get();

	for (;;) {
		uint32_t kick = atomic_load(&p->kick);
		bool is_idle = w->trap->n_names == 0;
		const struct pel_map *map = is_idle ? NULL : mapview_get(clock_now_ns());
		uint32_t seen = map ? atomic_load(&map->header.wake) : 0;

		(void)eventfd_write(w->kick, 1);
		futex_wait(map ? &map->header.wake : NULL, seen, &p->kick, kick,
			is_idle       ? IDLE_NS
				: map ? MAP_NS
				      : NO_MAP_NS);
	}
	return NULL;
}

/* The names of a worker before this one have their indexes. */
static void follow_names(struct worker *w)
{
	for (unsigned i = 0; i < w->trap->n_names; i++)
		w->followed[i] = follow_name(w->trap->names[i]);
}

/* What the last one left: calls without an answer, and how many sockets there are. */
static void take_over(struct worker *w)
{
	struct trap *t = w->trap;

	t->n_sockets = 0;
	for (unsigned i = 0; i < TRAP_SOCKETS / 64; i++)
		t->n_sockets += (uint32_t)__builtin_popcountll(t->used[i]);
	for (unsigned i = 0; i < t->calls_end; i++) {
		if (t->calls[i].notif.id != 0 && !t->calls[i].held)
			call_serve(w, &t->calls[i]);
	}
}

static void take_call(struct worker *w)
{
	struct trap *t = w->trap;
	struct trap_call *c = NULL;

	for (unsigned i = t->calls_from; i < TRAP_CALLS && !c; i++) {
		if (t->calls[i].notif.id == 0)
			c = &t->calls[i];
	}
	/* All places are held: one gives up its own. */
	if (!c) {
		c = &t->calls[TRAP_CALLS - 1];
		call_give_up(t, c);
	}
	if (c >= t->calls + t->calls_end)
		t->calls_end = (uint32_t)(c - t->calls) + 1;
	memset((char *)c + sizeof(c->notif), 0, sizeof(*c) - sizeof(c->notif));
	if (filter_receive(t->listener, &c->notif) < 0) {
		c->notif.id = 0;
		return;
	}
	(void)atomic_fetch_add(&t->taken, 1);
	call_serve(w, c);
}

/* Nobody is there to replace us; what we say may be read by nobody, and would keep a pipe open. */
static void become_orphan(struct worker *w)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	task_ask_by(-1);
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->line, NULL);
	(void)close(w->line);
	if (null >= 0)
		(void)dup2(null, STDERR_FILENO);
}

static void dispatch(struct worker *w, const struct epoll_event *e)
{
	enum worker_event event = (enum worker_event)(e->data.u64 >> 32);
	eventfd_t none;

	switch (event) {
	case WORKER_CALL:
		if (e->events & EPOLLIN)
			take_call(w);
		else if (e->events & EPOLLHUP) /* the last process of the program has ended */
			_exit(0);
		break;
	case WORKER_KICK:
		(void)eventfd_read(w->kick, &none);
		break;
	case WORKER_KEEPER:
		if (e->events & EPOLLHUP)
			become_orphan(w);
		break;
	default:
		questions_event(w, event, (unsigned)e->data.u64);
		break;
	}
}

/* The idle look.  While something is amiss with the map, its prober is looked for at each turn. */
static void look_idle(struct worker *w, uint64_t now_ns)
{
	struct trap *t = w->trap;
	bool due = now_ns - w->looked_ns >= IDLE_NS || t->n_sockets >= t->sweep_at;

	if (due) {
		uint32_t live = closing_count(w);

		w->looked_ns = now_ns;
		t->sweep_at = t->n_sockets * 2 > SWEEP_FIRST ? t->n_sockets * 2 : SWEEP_FIRST;
		slot_look(now_ns, live);
	}
	for (unsigned i = 0; t->n_sockets > 0 && (due || !w->all_found) && i < t->n_names; i++) {
		if (w->followed[i])
			(void)follow_tell(w->followed[i], 0, now_ns);
	}
}

/* All that is not a call.  When it is to be done again, from now. */
static uint64_t look(struct worker *w)
{
	uint64_t now = clock_now_ns(), rest;

	closing_look(w, mapview_get(now), now);
	w->trap->block = *block_get();
	rest = worker_least(waiting_look(w, now), questions_look(w, now));
	look_idle(w, now);
	return worker_least(rest, slot_tell(now));
}

/* A call of somebody else's costs no look. */
static void loop(struct worker *w)
{
	struct epoll_event events[EVENTS];
	uint64_t now = 0;

	for (;;) {
		uint64_t rest = w->next_ns > now ? w->next_ns - now : 0;
		int n;

		atomic_store(&w->trap->busy_ns, 0);
		n = epoll_wait(w->epoll, events, EVENTS,
			w->next_ns == WORKER_NEVER ? -1 : (int)((rest + 999999) / 1000000));
		now = monotonic_ns();
		atomic_store(&w->trap->busy_ns, now);
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 >> 32 != WORKER_CALL)
				w->next_ns = 0;
			dispatch(w, &events[i]);
		}
		if (now < w->next_ns)
			continue;
		rest = look(w);
		now = monotonic_ns();
		w->next_ns = rest == WORKER_NEVER ? rest : now + rest;
	}
}

/* As the library's constructor; all signals stay blocked, for the program's are not ours. */
static void begin(struct trap *t)
{
	(void)real_get();
	/* They choose among programs, and we are none: the trap was asked for. */
	(void)unsetenv("PELORUS_INCLUDE");
	(void)unsetenv("PELORUS_EXCLUDE");
	env_init();
	process_init();
	say_init();
	environ_keep_own(envcreds_variables);
	environ_keep_own(spawn_variables);
	(void)process_check();
	(void)prctl(PR_SET_NAME, t->program, 0, 0, 0);
	(void)setpgid(0, 0);
}

_Noreturn void worker_run(struct trap *t, int line)
{
	static struct worker w;
	pthread_t thread;

	trap_fault(8);
	begin(t);
	w.trap = t;
	w.line = line;
	w.netns = socket_netns(line);
	task_ask_by(line);
	w.looked_ns = clock_now_ns();
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	w.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w.epoll < 0 || w.kick < 0)
		_exit(1);
	if (t->sweep_at == 0)
		t->sweep_at = SWEEP_FIRST;
	follow_names(&w);
	w.questions = questions_begin(&w);
	if (worker_watch(&w, w.kick, WORKER_KICK, 0) < 0 ||
		worker_watch(&w, line, WORKER_KEEPER, 0) < 0 ||
		worker_watch(&w, t->listener, WORKER_CALL, 0) < 0 ||
		pthread_create(&thread, NULL, watch, &w) != 0)
		_exit(1);
	(void)send(line, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* the program may run */
	take_over(&w);
	loop(&w);
	_exit(1);
}
