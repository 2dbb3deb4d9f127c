/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects that wait for a writer, as those of the library do: one that does not block is parked
 * at a port that never answers, and led on later; one that blocks is not answered, but let go when
 * a signal comes, for its thread is deaf meanwhile.
 */
#ifndef PELORUS_TRAP_WAITING_H
#define PELORUS_TRAP_WAITING_H

#include "worker.h"

#define WAITING_LOOK_NS UINT64_C(20000000) /* what waits here looks for signals so often */

/* Parks it.  EINPROGRESS, or what its connect() fails with. */
int waiting_park(struct worker *w, int own, struct trap_socket *record, const struct plan *plan);

/* When a blocking socket's own limit is over; UINT64_MAX: it has none. */
uint64_t waiting_limit(int own, uint64_t now_ns);

/* The moment of one of a crowd that comes back; 0: there is none. */
uint64_t waiting_due(struct followed *f, const struct plan *plan);

/*
 * One that is on its way to what is no longer right is parked instead of being ended; false if
 * not.
 */
bool waiting_instead(struct worker *w, int own, struct trap_socket *s);

/*
 * One that does not block was refused.  True if it goes on connecting: to another reader, or parked, to
 * wait for the map's word of the writer.
 */
bool waiting_refused(struct worker *w, int own, const struct trap_socket *s);

/* Has one that is not connected be refused. */
void waiting_refuse(int own, const struct trap_socket *s);

/* Lets go whom it is time for.  When it wants to be called again, from now. */
uint64_t waiting_look(struct worker *w, uint64_t now_ns);

#endif
