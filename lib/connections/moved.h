/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are no longer at the number at which they were recorded: closed, mostly; but a host
 * may have duplicated one and closed the first.  Those are looked for by their cookies, all at
 * once.
 */
#ifndef PELORUS_LIB_CONNECTIONS_MOVED_H
#define PELORUS_LIB_CONNECTIONS_MOVED_H

#include <stdint.h>

#define MOVED_MAX 64

struct moved {
	unsigned n;
	struct {
		int fd;
		uint64_t cookie;
	} list[MOVED_MAX];
};

/* Notes that a record's socket is not at its number. */
void moved_note(struct moved *m, int fd, uint64_t cookie);

/* Records those that are found elsewhere anew, forgets the others.  How many were found. */
unsigned moved_settle(struct moved *m);

#endif
