/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for a writer at this moment: a thread, a call that is not answered, a parked socket.
 * The library and the trap ask alike.
 */
#ifndef PELORUS_LIB_KNOWN_WAITER_H
#define PELORUS_LIB_KNOWN_WAITER_H

#include "plan.h"
#include "rules/release.h"

/*
 * A server that dies refuses before a prober can know of it.  A connect that is refused where the map has
 * the writer waits for the map's word, at most so long, and is tried once more.
 */
#define WAITER_DOUBT_NS UINT64_C(250000000)
#define WAITER_REFUSED_NS UINT64_C(1000000000) /* a reader that refuses is left out for so long */

struct waiter {
	struct followed *followed;
	uint16_t families;
	uint16_t port;
	uint8_t parked; /* by IPv4 or IPv6 */
	uint64_t since_ns;
	uint64_t random;
	struct release_look look;
};

/* Where the map says that nobody ever answers by IPv4 or IPv6 (4, 6); port 0: nowhere. */
struct pel_addr waiter_place(const struct plan *plan, uint8_t family);

/* An address is known: of an instance, or where DNS leads. */
bool waiter_leads(const struct plan *plan);

/* How long it takes to let go all that wait on this host. */
uint64_t waiter_window_ns(const struct plan *plan);

/* What becomes of it, by a plan that is made anew. */
enum release waiter_look(struct waiter *w, struct plan *plan);

/*
 * Where a connect goes now that what it was led to has refused it: a reader is left out for a moment.  False
 * if that says nothing of the instance, or nobody waits here.
 */
bool waiter_past(struct followed *f, uint16_t families, uint16_t port,
	const struct sever_socket *refused, struct plan *ret);

/* When one that was refused goes there. */
uint64_t waiter_doubt_ns(const struct plan *plan, const struct sever_socket *refused);

#endif
