/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This process's slot in clients.slots: by it the prober knows that somebody still needs it.  All
 * of it is best effort; without a slot the counters go nowhere.
 */
#ifndef PELORUS_LIB_PROBER_SLOT_H
#define PELORUS_LIB_PROBER_SLOT_H

#include <pelorus/slots.h>

#include <stdint.h>

#define SLOT_NEVER UINT64_MAX

/* How far behind pel_slot.routed it stands. */
enum slot_counter {
	SLOT_ROUTED = 0,
	SLOT_REFUSED = 2,
	SLOT_MOVED,
	SLOT_RETRIED,
	SLOT_WAITED = 6,
	SLOT_GIVEN_UP
};

enum slot_seen { SEEN_ELSEWHERE, SEEN_WRONG, SEEN_HELD, SEEN_SEVERED, SEEN_MOVED };

/* Takes a slot, if this process has none, and adds a name to it. */
void slot_follow(uint64_t name_hash, uint64_t now_ns);

/* Adds one; the watcher writes it down within a second, or when it next wakes (futex.h). */
void slot_count(enum slot_counter counter);

/* One connection that is tracked was ended: that, and why. */
void slot_count_severed(enum pel_severed why);

/* The same of what would have been done by a name that is only observed. */
void slot_count_seen(uint64_t name_hash, enum slot_seen what);

/* One socket more or fewer is tracked; those that the host closed are missed until the next look. */
void slot_count_sockets(int difference);

/* How many connects wait for a writer now, and how long one that does no longer has waited. */
void slot_hold(uint32_t held);
void slot_waited(uint64_t ns);

/* A sign of life, with the number of sockets that are tracked. */
void slot_look(uint64_t now_ns, uint32_t tracked);

/* Writes down what was counted, once a second.  When it wants to be called again, from now. */
uint64_t slot_tell(uint64_t now_ns);

#endif
