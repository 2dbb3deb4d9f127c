/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects that wait for a writer: what becomes of one at this moment.  Pure, like route.h.
 *
 * All those of a host are let go by one change of the map.  So that they do not overflow the new
 * writer's queue each has a moment of its own, in a window that grows with their number.
 */
#ifndef PELORUS_LIB_RULES_RELEASE_H
#define PELORUS_LIB_RULES_RELEASE_H

#include "route.h"

#define RELEASE_WINDOW_MAX_NS UINT64_C(250000000)
#define RELEASE_PER_SOCKET_NS UINT64_C(50000)

enum release {
	RELEASE_KEEP = 0, /* it goes on waiting */
	RELEASE_GO,       /* to where the plan leads */
	RELEASE_REFUSE,   /* as a server that is down does */
	RELEASE_REPARK,   /* it goes on waiting, at another port that never answers */
};

/* What is known of one connect that waits. */
struct release_look {
	enum route_verdict verdict; /* now */
	bool leads;                 /* an address is known: of an instance, or where DNS leads */
	bool wrong;                 /* ... which would be severed at once */
	bool over;                  /* no writer for so long that nobody waits for one any more */
	bool starting;              /* the prober lives, and has not said yet what there is */
	uint64_t now_ns;
	uint64_t until_ns;  /* it waits so long at most */
	uint64_t due_ns;    /* its moment, if there is a way */
	uint16_t parked_at; /* port; 0: the caller itself waits */
	uint16_t park;      /* the map's port for those that are parked; 0: none */
};

enum release release_decide(const struct release_look *look);

/* How long it takes to let go a host's sockets. */
uint64_t release_window_ns(uint32_t crowd);

/* A moment within the window behind `since_ns`, by chance. */
uint64_t release_due_ns(uint64_t since_ns, uint64_t window_ns, uint64_t random);

#endif
