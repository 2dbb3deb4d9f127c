/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lookups and connects of one thread should know while it is in a call of a client
 * library, and the socket that they made.  It is set for the duration of that call alone.
 */
#ifndef PELORUS_LIB_KNOWN_WISH_H
#define PELORUS_LIB_KNOWN_WISH_H

#include "followed.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wish {
	_Atomic uintptr_t thread;        /* 0: free */
	_Atomic int tid;                 /* its number in the kernel, 0 while that is being told */
	const struct followed *followed; /* the name that `role` is for; NULL: none */
	uint8_t role;     /* enum pel_role: where it leads instead; UNKNOWN: as ever */
	bool never_waits; /* an event loop's thread: not even for a first topology */
	bool has_waited;  /* the call has, for a writer: what it connects now is not held again */
	int fd;           /* of the last connect to a followed name, or -1 */
};

/* NULL if there are too many: then everything is as without a wish. */
struct wish *wish_begin(const struct followed *f, enum pel_role role, bool never_waits);

/* This thread's, or NULL; a load where no thread has one. */
struct wish *wish_find(void);

/* Ends it, if it is not NULL; the socket, or -1. */
int wish_end(struct wish *wish);

#endif
