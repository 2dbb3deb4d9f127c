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

#define SOCKETS_MAX 32768 /* descriptors; higher ones are not severed */

/* Whether it is known to be connected, on an instance that is not proven from here. */
enum socket_pending { SOCKET_SETTLED = 0, SOCKET_PENDING, SOCKET_SILENT /* for a while now */ };

/* Whether it waits for a writer (hold.h). */
enum socket_held {
	SOCKET_FREE = 0,
	SOCKET_PARKED, /* it connects to a port that never answers */
	SOCKET_LEAVES, /* between two connects, and nothing in itself: nobody else touches it */
	SOCKET_LEFT,   /* to where `socket.real` says; how it went was not yet asked */
};

struct socket_record {
	uint64_t cookie; /* 0: no record */
	struct sever_socket socket;
	uint64_t made_ns;  /* of the connect() */
	uint64_t severed;  /* 1: by this library, or about to be */
	uint32_t followed; /* followed_index() */
	uint16_t pending;  /* enum socket_pending */
	uint16_t seen;     /* 1: observed, and counted as one that had been ended */
	uint16_t port;     /* that its connect() asked for; 0: it is not to be led elsewhere */
	uint16_t families; /* ... that it can use */
	uint16_t family;   /* ... of whose shape its addresses are */
	uint16_t gaps;     /* between two connects: so many it has been through */
	/* Of one that waits, or has waited: */
	uint32_t held;     /* enum socket_held */
	uint32_t patience; /* TCP_SYNCNT, as it was before */
	uint64_t since_ns; /* when it began to */
	uint64_t until_ns; /* it waits so long at most */
	uint64_t due_ns;   /* its moment; 0: that is chosen when there is a way */
	int32_t holder;    /* the process that parked it; a child inherits its record alone */
	int32_t error;     /* it came to nothing, of which the socket itself does not know */
};

/* The socket's identity; 0 if `fd` is no socket. */
uint64_t socket_cookie(int fd);

/* Replaces the record of `fd`.  0; -ENOMEM without a table, -E2BIG for a number beyond it. */
int sockets_record(int fd, const struct socket_record *record);

/* The record of a number; false if it has none. */
bool sockets_read(int fd, struct socket_record *ret);

/* The number that has a record of this socket: `fd`, or one that it is a duplicate of; -1 if none. */
int sockets_home(int fd, uint64_t cookie);

/* Replaces it if it still is that one: of the same socket and connect(), and held so; false if not. */
bool sockets_replace(int fd, const struct socket_record *from, const struct socket_record *to);

/* Removes the record of that socket; one that was replaced meanwhile stays. */
void sockets_forget(int fd, uint64_t cookie);

/* One more than the highest number that ever had a record. */
int sockets_limit(void);

/*
 * Where it goes, or has gone: also while it is on its way, when getpeername() has no answer yet.  False
 * if that is nowhere, or cannot be told.
 */
bool socket_peer(int fd, struct pel_addr *ret);

/*
 * A number of our own for what `fd` is, if it still is that socket: `fd` itself where there is none left;
 * -1 if it is another, or none.  To be given back; the program may have put a file of its own there.
 */
int socket_borrow(int fd, uint64_t cookie);
void socket_give_back(int fd, int own, uint64_t cookie);

/*
 * Ends the connection if `fd` still is that socket, and goes where its record says, which is marked
 * before.  0, or -ESTALE if it is another, or none, or was connected anew to elsewhere.
 */
int socket_sever(int fd, uint64_t cookie);

/* Takes a socket back to unconnected, so that connect() may be called on it again. */
bool socket_disconnect(int fd);

/*
 * Before it connects.  Who has switched quick acknowledgements off, as Netty does, has the kernel keep the
 * handshake's last word back for 200 ms, to send it with the request: here the server speaks first, and
 * waits for it.  Behind the handshake the kernel switches them on by itself.
 */
void socket_acknowledge_at_once(int fd);

#endif
