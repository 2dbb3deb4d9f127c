/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one wait that a lookup is ever asked for.  Nothing is locked meanwhile: a thread may be
 * cancelled, or a signal handler jump out of it.
 */
#ifndef PELORUS_LIB_PROBER_WAIT_H
#define PELORUS_LIB_PROBER_WAIT_H

#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define WAIT_FIRST_NS UINT64_C(1000000000)

/*
 * Waits for a first word of the prober about the name, WAIT_FIRST_NS at most and once in the life
 * of a process; tells a prober that comes up meanwhile of the name (`port` as for follow_tell()).
 */
void wait_for_first(struct followed *f, uint16_t port);

#endif
