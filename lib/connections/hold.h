/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects that wait for a writer.
 *
 * One that blocks sleeps until the map says that there is one.  One that does not is parked: its socket
 * really connects to a port of the prober that never answers, so that its owner sees what it would
 * see of a slow server, and its own time limit counts.  When there is a writer the watcher leads the
 * same socket there.
 */
#ifndef PELORUS_LIB_CONNECTIONS_HOLD_H
#define PELORUS_LIB_CONNECTIONS_HOLD_H

#include "sockets.h"
#include "known/followed.h"
#include "known/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOLD_NEVER UINT64_MAX

/* One connect(), as its caller made it. */
struct hold {
	int fd;
	int family; /* of the address that was given: those that it is led to take its shape */
	uint16_t families;
	uint16_t port;
	bool parkable;
	uint64_t cookie;
	uint64_t since_ns;
	struct followed *followed;
};

/*
 * Waits, if this connect has to; the plan is one of now behind it.  0: it may go by it.  Else what it
 * fails with: EINPROGRESS, if it is parked or its own limit is over, ECONNREFUSED, EINTR.
 */
int hold_connect(const struct hold *h, struct plan *plan);

/*
 * A second connect() on a socket that is held: true if the answer is EALREADY.  Behind false it is none
 * that is held, and *ret_since_ns, if it was, when it began to be.
 */
bool hold_goes_on(int fd, uint64_t cookie, uint64_t *ret_since_ns);

/* Whether getsockopt(SO_ERROR) may need an answer of ours, and the answer. */
bool hold_answers(int fd);
int hold_error(int fd, void *value, socklen_t *len);

/* A crowd that was severed, or let go, begins to come back by this name. */
void hold_crowd(struct followed *f, uint64_t now_ns);

/* The watcher's part: wakes and leads whom it concerns.  When it wants to be called again, from now. */
uint64_t hold_look(const struct pel_map *map, uint64_t now_ns);

#endif
