/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket that is kept connecting, and led elsewhere under its owner, who holds the descriptor.
 *
 * It is known by its cookie, by being on its way, and by where to: only all three prove that it is what
 * its record says.  Who made the record leads it; a forked child has the record alone.
 *
 * Between two connects it is in error for some 20 us.  Who is woken by that asks SO_ERROR: the answer is
 * given when the gap is over, by what has become of the new connect.
 */
#ifndef PELORUS_LIB_CONNECTIONS_PARKED_H
#define PELORUS_LIB_CONNECTIONS_PARKED_H

#include "sockets.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Records it, and parks it at `socket.real`, also one that blocks.  EINPROGRESS; else it is not. */
int parked_begin(int fd, struct socket_record *record);

/* Whether the socket still is on its way to where its record says. */
bool parked_is_there(int fd, const struct socket_record *record);

/* Leads it to `to->socket.real`, and is `then` what it says.  False if it is not what `from` says. */
bool parked_lead(int fd, const struct socket_record *from, struct socket_record *to,
	enum socket_held then);

/*
 * A second connect() on a socket: true if it is parked, and the answer is EALREADY.  Behind false it is not,
 * and *ret_since_ns is when it was, if it now is to wait in this very call.
 */
bool parked_goes_on(int fd, uint64_t cookie, uint64_t *ret_since_ns);

/* The program takes the socket back to unconnected: it is not to be led any more. */
void parked_let_go(int fd);

/* Whether getsockopt(SO_ERROR) needs an answer of ours, and the answer to who called from there. */
bool parked_answers(int fd);
int parked_error(int fd, void *value, socklen_t *len, const void *caller);

/*
 * By which error of a socket those who called from there understand that it goes on connecting: they poll
 * again.  0: of whoever else, who may take it for a failure, and not for the one that it knows.
 */
int parked_word(const void *caller);

/* True while it is a call of the program that would be blocked by it. */
bool parked_blocks(int fd);

#endif
