/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function on a stack of its own, which may pause in the middle of a call and be gone on with
 * later: for libraries that can only wait by calling back.  One thread; it may be nested.
 */
#ifndef PELORUS_PROBES_MYSQL_COROUTINE_H
#define PELORUS_PROBES_MYSQL_COROUTINE_H

#include <stdbool.h>
#include <ucontext.h>

struct coroutine {
	void (*run)(void *ctx);
	void *ctx;
	char *stack;
	bool paused;
	ucontext_t inner, outer;
};

/* 0 or -ENOMEM. */
int coroutine_init(struct coroutine *c, void (*run)(void *ctx), void *ctx);

/* Runs it, or goes on with it, until it returns or pauses.  True: it has returned. */
bool coroutine_enter(struct coroutine *c);

/* From within: back to who entered it, until it is entered again. */
void coroutine_pause(struct coroutine *c);

/* Frees the stack; it must not be paused. */
void coroutine_deinit(struct coroutine *c);

#endif
