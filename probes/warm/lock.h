/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The named locks by which the probers of many hosts share one warm-up.  Pure: queries and rows.
 *
 * Each instance has its own names, so that all of them may be held on one server as well:
 *
 *   pelorus.warm.HASH       who holds it warms the instance
 *   pelorus.warm.HASH.done  the instance has been warmed, of late
 *
 * Both are held by one connection, and free when it ends.  A server holds more than one lock for a
 * connection since MySQL 5.7 and MariaDB 10.0.
 */
#ifndef WARM_LOCK_H
#define WARM_LOCK_H

#include <stdbool.h>

#define WARM_LOCK_QUERY_MAX 160

/* What one look at the locks says. */
struct warm_lock_look {
	bool got;    /* the lock is ours now */
	bool warmed; /* somebody says that it is done */
};

/* Takes the lock if it is free, and looks whether it is done. */
void warm_lock_ask(const char *id, char ret[static WARM_LOCK_QUERY_MAX]);

/* Its row, of `n` cells; NULL where the answer had none.  What is no such row says nothing. */
struct warm_lock_look warm_lock_read(const char *const *row, unsigned n);

/* Says that it is done, and gives the lock back. */
void warm_lock_done(const char *id, char ret[static WARM_LOCK_QUERY_MAX]);

/* True for the error of a server that lets nobody have a lock because it is read-only. */
bool warm_lock_is_refused(unsigned error);

#endif
