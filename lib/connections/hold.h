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

#define HOLD_NEVER UINT64_MAX

/* One connect(), as its caller made it. */
struct hold {
	int fd;     /* -1: there is no socket yet */
	int family; /* of the address that was given: those that it is led to take its shape */
	uint16_t families;
	uint16_t port;
	bool parkable;
	uint64_t cookie;
	uint64_t since_ns;
	uint64_t until_ns; /* 0: as the plan says */
	uint64_t due_ns;   /* not 0: it was refused, and may go on then */
	struct followed *followed;
};

/*
 * Waits, if this connect has to; the plan is one of now behind it.  0: it may go by it.  Else what it
 * fails with: EINPROGRESS, if it is parked or its own limit is over, ECONNREFUSED, EINTR, or EBADF if its
 * socket was closed meanwhile.
 */
int hold_connect(const struct hold *h, struct plan *plan);

/* The same for a thread that waits in any case. */
int hold_wait(const struct hold *h, struct plan *plan);

/* A crowd that was severed begins to come back by this name. */
void hold_crowd(struct followed *f, uint64_t now_ns);

/* One that is connecting to what is no longer right waits instead of being severed.  False if not. */
bool hold_instead(int fd, const struct socket_record *record);

/*
 * What SO_ERROR has answered whoever called from there.  One that does not block and was refused may go on
 * connecting; then it says so, if the caller understands that.
 */
void hold_answered(int fd, void *error, socklen_t n, const void *caller);

/* The watcher's part: wakes and leads whom it concerns.  When it wants to be called again, from now. */
uint64_t hold_look(const struct pel_map *map, uint64_t now_ns);

#endif
