/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that were routed: one record per descriptor number.
 *
 * A record is about a socket, not about a number: it holds the socket's cookie, which the kernel
 * gives no second socket, so that closing and reusing a number needs no hook.  Where the kernel has
 * no SO_COOKIE it is the inode of the socket.  Records are written by the thread that connects and
 * read by the watcher, under a sequence word each; nothing blocks, nothing is allocated after the
 * table's one mapping, of which only the pages in use are ever resident.
 */
#ifndef PELORUS_LIB_CONNECTIONS_SOCKETS_H
#define PELORUS_LIB_CONNECTIONS_SOCKETS_H

#include "rules/sever.h"

#include <stdbool.h>
#include <stdint.h>

#define TRACK_MAX 32768 /* descriptors; higher ones are not severed */

struct track {
	uint64_t cookie; /* 0: no record */
	struct sever_socket socket;
	uint64_t made_ns; /* of the connect() */
	uint32_t bind;    /* bind_index() */
	uint32_t pending; /* 1: not known to be connected yet, on one not proven from here */
};

/* The socket's identity; 0 if `fd` is no socket. */
uint64_t track_cookie(int fd);

/* The number that this thread recorded last, or -1. */
int track_last(void);

/* Replaces the record of `fd`.  0; -ENOMEM without a table, -E2BIG for a number beyond it. */
int track_record(int fd, const struct track *t);

/* The record of a number; false if it has none. */
bool track_read(int fd, struct track *ret);

/* Removes the record of that socket; one that was replaced meanwhile stays. */
void track_forget(int fd, uint64_t cookie);

/* One more than the highest number that ever had a record. */
int track_limit(void);

/* Ends the connection if `fd` still is that socket.  0, or -ESTALE if it is another, or none. */
int cut_socket(int fd, uint64_t cookie);

/* Takes a socket back to unconnected, so that connect() may be called on it again. */
bool cut_for_retry(int fd);

/*
 * Sockets that are no longer at the number at which they were recorded: closed, mostly; but a host
 * may have duplicated one and closed the first.  Those are looked for by their cookies, all at
 * once.
 */
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
