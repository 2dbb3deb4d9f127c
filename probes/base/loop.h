/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: descriptors (epoll), timers (one heap), signals (signalfd).
 *
 * One thread.  Callbacks never block.  struct loop_io and struct loop_timer are embedded in their
 * owners; after loop_io_remove() or loop_timer_stop() the loop holds no pointer to them any more,
 * so an owner may be freed then, also from a callback of its own or of another one.  All times are
 * CLOCK_BOOTTIME in nanoseconds, as in the map; a test hands in a clock of its own.
 */
#ifndef LOOP_H
#define LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_MS UINT64_C(1000000)
#define LOOP_S UINT64_C(1000000000)
#define LOOP_NEVER UINT64_MAX

struct loop;

/* With `idle`, the loop never sleeps: it calls it to make the clock show until_ns. */
struct loop_clock {
	uint64_t (*now_ns)(void *ctx);
	void (*idle)(void *ctx, uint64_t until_ns);
	void *ctx;
};

struct loop_io {
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
	int fd;
	uint32_t events;
	uint32_t slot; /* 0: not watched */
};

struct loop_timer {
	void (*fire)(void *ctx);
	void *ctx;
	uint64_t at_ns; /* LOOP_NEVER: not running */
	struct loop_timer *child, *next, *prev;
};

/* A span in which the process did not run (SIGSTOP, freeze, pause of the machine). */
struct loop_pause {
	uint64_t from_ns;
	uint64_t until_ns; /* 0: there was none yet */
};

/* `clock` NULL: CLOCK_BOOTTIME.  0 or -errno. */
int loop_new(const struct loop_clock *clock, struct loop **ret);
void loop_free(struct loop *loop);

/* The clock, read anew. */
uint64_t loop_now_ns(const struct loop *loop);

/* Watches fd for EPOLLIN, EPOLLOUT, EPOLLPRI; the fd stays the caller's.  0 or -errno. */
int loop_io_add(struct loop *loop, struct loop_io *io, int fd, uint32_t events,
	void (*ready)(void *ctx, uint32_t events), void *ctx);
int loop_io_change(struct loop *loop, struct loop_io *io, uint32_t events);
/* To be called before the fd is closed; does nothing if io is not watched. */
void loop_io_remove(struct loop *loop, struct loop_io *io);

void loop_timer_init(struct loop_timer *timer, void (*fire)(void *ctx), void *ctx);
/* Runs once, at at_ns or as soon as possible after it; moves a timer that is running. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ns);
void loop_timer_set_in(struct loop *loop, struct loop_timer *timer, uint64_t in_ns);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* Blocks the signals in this thread and delivers them as calls; once per loop.  0 or -errno. */
int loop_signals(struct loop *loop, const sigset_t *set, void (*caught)(void *ctx, int signo),
	void *ctx);

/* The latest pause of more than LOOP_PAUSE_NS.  For it to be seen, some timer must be running. */
#define LOOP_PAUSE_NS (150 * LOOP_MS)
struct loop_pause loop_last_pause(const struct loop *loop);

/* One round: waits for events, at most until the first timer, and dispatches.  0 or -errno. */
int loop_step(struct loop *loop);

/* Rounds until loop_stop(); returns what it was given, or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int code);

#endif
