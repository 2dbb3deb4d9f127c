/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are only observed: their connects go where DNS leads, untouched, and are remembered, so that
 * what would have become of them can be counted.
 */
#ifndef PELORUS_LIB_CONNECTIONS_OBSERVE_H
#define PELORUS_LIB_CONNECTIONS_OBSERVE_H

#include "sockets.h"
#include "known/followed.h"
#include "known/plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

/* The quick look: a load for a process that observes nothing. */
static inline bool observe_concerns(void)
{
	return atomic_load_explicit(&followed_by_dns, memory_order_relaxed);
}

/* A connect that begins, to an address as the program has it from DNS. */
void observe_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* Counts what the plan would have made of a connect that goes to `real`.  True if it had led it elsewhere. */
bool observe_count(const struct followed *f, const struct plan *plan, const struct pel_addr *real);

/* A connection that would be ended now: counted once. */
void observe_sever(int fd, const struct socket_record *record, enum sever_reason reason);

#endif
