/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this process can reach an instance directly.
 *
 * The prober reached it from this host; a firewall may still know the one user from the other.  A
 * blocking connect tells at once.  Of one that does not block (most are of that kind) the outcome
 * is known to the program alone, so the watcher looks after the first ones to each instance until
 * one is connected; from then on nothing is looked at any more.  If they fail while the prober goes
 * on hearing from that very instance, and nothing else has changed, the process is left to DNS for
 * it.
 */
#ifndef PELORUS_LIB_CONNECTIONS_TRIAL_H
#define PELORUS_LIB_CONNECTIONS_TRIAL_H

#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define TRIAL_EXCLUDED_NS UINT64_C(60000000000)
#define TRIAL_NEVER UINT64_MAX

/* A connect that failed, and what was known then. */
struct trial_failure {
	uint64_t identity;
	uint64_t uid;
	uint64_t generation;
	uint64_t failed_ns;
};

enum trial_verdict {
	TRIAL_DROP = 0, /* explained otherwise, or too long ago */
	TRIAL_WAIT,     /* the prober has not heard from it since */
	TRIAL_EXCLUDE,  /* it lives for the prober, and is none for us */
};

/* Pure. */
enum trial_verdict trial_judge(const struct trial_failure *f, const struct pel_hot *hot, bool fresh,
	uint64_t now_ns);

/* True once a connection to it was seen established. */
bool trial_is_proven(uint64_t identity);
void trial_prove(uint64_t identity);

/*
 * A connect to an instance failed in a way that says nothing by itself; the watcher finds out, and
 * is for the caller to wake.
 */
void trial_suspect(const struct bind *b, const struct plan *plan);

/* A connect that is under way, as recorded by track_record() with `pending`: likewise. */
void trial_begin(void);

/*
 * The watcher's part: looks at what is pending.  When it wants to be called again, from now;
 * TRIAL_NEVER: not before the next trial_begin() or trial_suspect().
 */
uint64_t trial_look(const struct pel_map *map);

#endif
