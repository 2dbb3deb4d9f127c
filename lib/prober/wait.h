/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two waits that a host's thread is ever asked for, both bounded.
 *
 * libuv runs only two lookups at once: two that wait would stop all of its DNS.  So one thread per
 * process waits at a time, and once per period without a writer; all others go on.
 */
#ifndef PELORUS_LIB_PROBER_WAIT_H
#define PELORUS_LIB_PROBER_WAIT_H

#include "known/followed.h"

#include <stdbool.h>
#include <stdint.h>

#define WAIT_WRITER_NS UINT64_C(3000000000)
#define WAIT_FIRST_NS UINT64_C(1000000000)

/*
 * Waits while the cluster has no writer, `limit_ns` and WAIT_WRITER_NS at most.  True if it waited
 * (the caller reads the topology again), false if it was not this caller's turn.
 */
bool wait_for_writer(struct followed *f, const struct pel_hot *hot, uint64_t limit_ns);

/* Whether this thread, which may run an event loop, can be made to wait for a writer. */
void wait_allow(bool may);

/*
 * Waits for a first word of the prober about the name, WAIT_FIRST_NS at most and once in the life
 * of a process; tells a prober that comes up meanwhile of the name (`port` as for follow_tell()).
 */
void wait_for_first(struct followed *f, uint16_t port);

#endif
