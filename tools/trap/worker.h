/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that answers the program's calls.  One loop; a thread beside it sleeps on the map's
 * word.
 */
#ifndef PELORUS_TRAP_WORKER_H
#define PELORUS_TRAP_WORKER_H

#include "trap.h"

#include "known/drill.h"
#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKER_NEVER UINT64_MAX
#define WORKER_LOOK_NS UINT64_C(250000000)

/* What a name's sockets were last judged by. */
struct worker_seen {
	const struct pel_map *map;
	uint64_t uid;
	uint64_t generation;
};

struct worker {
	struct trap *trap;
	int epoll;
	int line; /* to the keeper */
	int kick; /* an eventfd: the map has moved, or something was counted */
	bool all_found;
	uint64_t netns;                        /* our network namespace; nothing is led in others */
	uint64_t next_ns;                      /* when all is looked at again (CLOCK_MONOTONIC) */
	uint64_t full_ns;                      /* when there was no room for a socket */
	uint64_t looked_ns;                    /* the last idle look */
	struct followed *followed[TRAP_NAMES]; /* by the index in trap->names */
	struct worker_seen seen[TRAP_NAMES];
	struct drill drill;
	uint32_t n_held; /* calls, at the last look */
	uint32_t turn;   /* of those that are looked after, if they are many */
	struct questions *questions;
};

/* What came in by epoll is one of these, with an index. */
enum worker_event {
	WORKER_CALL,
	WORKER_KICK,
	WORKER_KEEPER,
	WORKER_ANSWERS,
	WORKER_ANSWERS_STREAM,
	WORKER_FORWARD,
	WORKER_STREAM,
	WORKER_STREAM_SERVER,
};

int worker_watch(struct worker *w, int fd, enum worker_event event, unsigned i);

/* The followed name behind an index, or an index for one; -ENOSPC. */
int worker_name(struct worker *w, struct followed *f);

/* All is looked at again so soon, for something waits since the last time. */
void worker_look_within(struct worker *w, uint64_t ns);

/* Still at work: a look at many sockets takes its time. */
void worker_beat(struct worker *w);

/* Never returns; `line` leads to the keeper. */
_Noreturn void worker_run(struct trap *t, int line);

static inline uint64_t worker_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
