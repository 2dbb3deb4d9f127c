/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon after its end a watch, or a question that is answered when something has changed, is begun
 * again.  One that told nothing and ended before WATCH_LEAST_NS failed, however politely: a server or
 * a proxy that cannot hold it would be asked as fast as it answers.
 *
 * Pure; times are the caller's.
 */
#ifndef WATCH_H
#define WATCH_H

#include "base/loop.h"

#define WATCH_LEAST_NS (5 * LOOP_S)
#define WATCH_GAP_NS (20 * LOOP_MS) /* between two questions that are answered at once */

struct watch {
	uint64_t began_ns;
	bool told;    /* there was news */
	unsigned cut; /* in a row that ended too soon */
};

void watch_begin(struct watch *w, uint64_t now_ns);

/* What is left of a wait that began with it; WATCH_GAP_NS at least. */
uint64_t watch_rest_ns(const struct watch *w, uint64_t wait_ns, uint64_t now_ns);

/* It is over: how long to wait.  `seed` as in pace_wait_ns(). */
uint64_t watch_end(struct watch *w, uint64_t now_ns, uint64_t seed);

#endif
