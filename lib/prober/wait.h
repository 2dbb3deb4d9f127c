/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two waits that a host's thread is ever asked for, both bounded.  Nothing is locked meanwhile: a
 * thread may be cancelled, or a signal handler jump out of it.
 */
#ifndef PELORUS_LIB_PROBER_WAIT_H
#define PELORUS_LIB_PROBER_WAIT_H

#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define WAIT_WRITER_NS UINT64_C(3000000000)
#define WAIT_FIRST_NS UINT64_C(1000000000)

/*
 * While the plan is to wait, plans anew whenever the topology moves, so long at most.  Not in a call of
 * a client library, which waits by itself.
 */
void wait_for_writer(struct followed *f, uint16_t families, uint16_t port, uint64_t limit_ns,
	struct plan *plan);

/*
 * Whether a lookup may wait for a writer: the first one in a period without.  libuv runs only two
 * lookups at once, and two that wait would stop all of its DNS.
 */
bool wait_is_due(struct followed *f, const struct pel_hot *hot);

/*
 * Waits for a first word of the prober about the name, WAIT_FIRST_NS at most and once in the life
 * of a process; tells a prober that comes up meanwhile of the name (`port` as for follow_tell()).
 */
void wait_for_first(struct followed *f, uint16_t port);

#endif
