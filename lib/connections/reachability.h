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
#ifndef PELORUS_LIB_CONNECTIONS_REACHABILITY_H
#define PELORUS_LIB_CONNECTIONS_REACHABILITY_H

#include "rules/reach.h"
#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define REACHABILITY_EXCLUDED_NS UINT64_C(60000000000)
#define REACHABILITY_NEVER UINT64_MAX

/* True once a connection to it was seen established. */
bool reachability_is_proven(uint64_t identity);
void reachability_prove(uint64_t identity);

/*
 * A connect to an instance failed in a way that says nothing by itself; the watcher finds out, and
 * is for the caller to wake.
 */
void reachability_suspect(const struct followed *f, const struct plan *plan);

/* A connect that is under way, as recorded by sockets_record() with `pending`: likewise. */
void reachability_begin(void);

/*
 * The watcher's part: looks at what is pending.  When it wants to be called again, from now;
 * REACHABILITY_NEVER: not before the next reachability_begin() or reachability_suspect().
 */
uint64_t reachability_look(const struct pel_map *map);

#endif
