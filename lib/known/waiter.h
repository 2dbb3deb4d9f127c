/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for a writer at this moment: a thread, a call that is not answered, a parked socket.
 * The library and the trap ask alike.
 */
#ifndef PELORUS_LIB_KNOWN_WAITER_H
#define PELORUS_LIB_KNOWN_WAITER_H

#include "plan.h"
#include "rules/release.h"

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

#endif
