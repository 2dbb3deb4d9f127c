/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: descriptors (epoll), timers (one heap), signals (signalfd).
 *
 * epoll's user data is a slot number with its use count, never a pointer: an event that was
 * fetched in this round for a descriptor that an earlier callback removed finds its slot free, or
 * used anew, and is dropped.
 *
 * Timers form a pairing heap, linked through the timers themselves, so that setting one cannot
 * fail.  A single timerfd carries the earliest deadline (epoll's own timeout knows milliseconds
 * only) and is moved only when that deadline comes earlier.
 */
#include "loop.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOP_BATCH 64
#define SLOT_TIMER 0 /* the slot of the loop's own timerfd */

struct loop_slot {
	struct loop_io *io;
	uint32_t use;
};

struct loop {
	struct loop_clock clock;
	int epoll;
	int timerfd;
	uint64_t armed_ns; /* what timerfd is set to */
	uint64_t round_ns; /* timers up to here run in this round */
	struct loop_slot *slots;
	uint32_t n_slots;
	struct loop_timer *first;
	struct loop_pause pause;
	struct loop_io signal_io;
	int signalfd;
	void (*caught)(void *ctx, int signo);
	void *caught_ctx;
	bool stopped;
	int code;
};

static uint64_t boottime_ns(void *ctx)
{
	return clock_now_ns();
}

uint64_t loop_now_ns(const struct loop *loop)
{
	return loop->clock.now_ns(loop->clock.ctx);
}

int loop_new(const struct loop_clock *clock, struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = SLOT_TIMER};
	int r;

	if (!loop)
		return -ENOMEM;
	loop->clock = clock ? *clock : (struct loop_clock){.now_ns = boottime_ns};
	loop->armed_ns = LOOP_NEVER;
	loop->signalfd = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->timerfd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->epoll < 0 || loop->timerfd < 0 ||
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timerfd, &event) < 0) {
		r = -errno;
		loop_free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signalfd >= 0)
		(void)close(loop->signalfd);
	if (loop->timerfd >= 0)
		(void)close(loop->timerfd);
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	free(loop->slots);
	free(loop);
}

/* A free slot's number, above SLOT_TIMER, or -ENOMEM. */
static int slot_take(struct loop *loop, struct loop_io *io)
{
	uint32_t i = SLOT_TIMER + 1;
	struct loop_slot *slots;

	while (i < loop->n_slots && loop->slots[i].io)
		i++;
	if (i >= loop->n_slots) {
		uint32_t n = loop->n_slots ? 2 * loop->n_slots : 64;

		slots = realloc(loop->slots, n * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		memset(slots + loop->n_slots, 0, (n - loop->n_slots) * sizeof(*slots));
		loop->slots = slots;
		loop->n_slots = n;
	}
	loop->slots[i].io = io;
	loop->slots[i].use++;
	io->slot = i;
	return 0;
}

static struct epoll_event io_event(const struct loop *loop, const struct loop_io *io)
{
	struct epoll_event event = {.events = io->events};

	event.data.u64 = (uint64_t)loop->slots[io->slot].use << 32 | io->slot;
	return event;
}

int loop_io_add(struct loop *loop, struct loop_io *io, int fd, uint32_t events,
	void (*ready)(void *ctx, uint32_t events), void *ctx)
{
	struct epoll_event event;
	int r;

	*io = (struct loop_io){.ready = ready, .ctx = ctx, .fd = fd, .events = events};
	r = slot_take(loop, io);
	if (r < 0)
		return r;
	event = io_event(loop, io);
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		r = -errno;
		loop->slots[io->slot].io = NULL;
		io->slot = 0;
		return r;
	}
	return 0;
}

int loop_io_change(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct epoll_event event;

	if (io->events == events)
		return 0;
	io->events = events;
	event = io_event(loop, io);
	return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, io->fd, &event) < 0 ? -errno : 0;
}

void loop_io_remove(struct loop *loop, struct loop_io *io)
{
	if (io->slot == 0)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, io->fd, NULL);
	loop->slots[io->slot].io = NULL;
	io->slot = 0;
}

/* The earlier of two heaps becomes the root; either may be empty. */
static struct loop_timer *heap_meld(struct loop_timer *a, struct loop_timer *b)
{
	struct loop_timer *swap;

	if (!a || !b)
		return a ? a : b;
	if (b->at_ns < a->at_ns) {
		swap = a;
		a = b;
		b = swap;
	}
	b->next = a->child;
	b->prev = a;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* Melds a row of siblings: pairwise from the left, then the pairs from the right. */
static struct loop_timer *heap_meld_row(struct loop_timer *row)
{
	struct loop_timer *pairs = NULL, *heap = NULL;

	while (row) {
		struct loop_timer *a = row, *b = a->next;

		row = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = heap_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct loop_timer *next = pairs->next;

		pairs->next = NULL;
		heap = heap_meld(heap, pairs);
		pairs = next;
	}
	return heap;
}

void loop_timer_init(struct loop_timer *timer, void (*fire)(void *ctx), void *ctx)
{
	*timer = (struct loop_timer){.fire = fire, .ctx = ctx, .at_ns = LOOP_NEVER};
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->at_ns != LOOP_NEVER;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *rest;

	if (!loop_timer_is_set(timer))
		return;
	rest = heap_meld_row(timer->child);
	if (timer == loop->first) {
		loop->first = rest;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next)
			timer->next->prev = timer->prev;
		loop->first = heap_meld(loop->first, rest);
	}
	timer->child = timer->next = timer->prev = NULL;
	timer->at_ns = LOOP_NEVER;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ns)
{
	loop_timer_stop(loop, timer);
	if (at_ns == LOOP_NEVER)
		return;
	/* Not in the round that is being dispatched: a timer that sets itself must not starve I/O. */
	timer->at_ns = at_ns > loop->round_ns ? at_ns : loop->round_ns + 1;
	loop->first = heap_meld(loop->first, timer);
}

void loop_timer_set_in(struct loop *loop, struct loop_timer *timer, uint64_t in_ns)
{
	loop_timer_set(loop, timer, loop_now_ns(loop) + in_ns);
}

static void signal_ready(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	while (read(loop->signalfd, &info, sizeof(info)) == sizeof(info))
		loop->caught(loop->caught_ctx, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const sigset_t *set, void (*caught)(void *ctx, int signo),
	void *ctx)
{
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	loop->signalfd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signalfd < 0)
		return -errno;
	loop->caught = caught;
	loop->caught_ctx = ctx;
	return loop_io_add(loop, &loop->signal_io, loop->signalfd, EPOLLIN, signal_ready, loop);
}

struct loop_pause loop_last_pause(const struct loop *loop)
{
	return loop->pause;
}

/* The process was to run at due_ns and ran at now_ns. */
static void pause_note(struct loop *loop, uint64_t due_ns, uint64_t now_ns)
{
	if (due_ns < now_ns && now_ns - due_ns > LOOP_PAUSE_NS)
		loop->pause = (struct loop_pause){.from_ns = due_ns, .until_ns = now_ns};
}

static void timerfd_arm(struct loop *loop, uint64_t at_ns)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(at_ns / LOOP_S),
					  .tv_nsec = (long)(at_ns % LOOP_S)}};

	/* A deadline that moved away costs one empty round, cheaper than a call for each move. */
	if (at_ns >= loop->armed_ns)
		return;
	if (at_ns == 0)
		spec.it_value.tv_nsec = 1;
	(void)timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
	loop->armed_ns = at_ns;
}

/* Waits for events until the first timer's time; the number of them, or -errno. */
static int events_wait(struct loop *loop, struct epoll_event events[static LOOP_BATCH])
{
	uint64_t now = loop_now_ns(loop);
	uint64_t at = loop->first ? loop->first->at_ns : LOOP_NEVER;
	uint64_t due = at > now ? at : now;
	int n, timeout = at <= now || (loop->clock.idle && at != LOOP_NEVER) ? 0 : -1;

	if (timeout < 0 && at != LOOP_NEVER)
		timerfd_arm(loop, at);
	n = epoll_wait(loop->epoll, events, LOOP_BATCH, timeout);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0 && loop->clock.idle && at > now)
		loop->clock.idle(loop->clock.ctx, at);
	if (at != LOOP_NEVER)
		pause_note(loop, due, loop_now_ns(loop));
	return n;
}

static void event_dispatch(struct loop *loop, const struct epoll_event *event)
{
	uint32_t slot = (uint32_t)event->data.u64, use = (uint32_t)(event->data.u64 >> 32);
	uint64_t count;

	if (slot == SLOT_TIMER) {
		(void)!read(loop->timerfd, &count, sizeof(count));
		loop->armed_ns = LOOP_NEVER;
		return;
	}
	if (loop->slots[slot].io && loop->slots[slot].use == use)
		loop->slots[slot].io->ready(loop->slots[slot].io->ctx, event->events);
}

int loop_step(struct loop *loop)
{
	struct epoll_event events[LOOP_BATCH];
	int n = events_wait(loop, events);

	if (n < 0)
		return n;
	loop->round_ns = loop_now_ns(loop);
	for (int i = 0; i < n; i++)
		event_dispatch(loop, &events[i]);
	while (loop->first && loop->first->at_ns <= loop->round_ns) {
		struct loop_timer *timer = loop->first;

		loop_timer_stop(loop, timer);
		timer->fire(timer->ctx);
	}
	pause_note(loop, loop->round_ns, loop_now_ns(loop));
	return 0;
}

int loop_run(struct loop *loop)
{
	int r;

	loop->stopped = false;
	while (!loop->stopped) {
		r = loop_step(loop);
		if (r < 0)
			return r;
	}
	return loop->code;
}

void loop_stop(struct loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}
