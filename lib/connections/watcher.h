/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher: the one thread that this library adds to a process, asleep until a topology moves.
 *
 * It is made at the first routed connect, and not before: a second thread costs glibc's
 * single-threaded fast paths.  All signals are blocked in it.  It holds no descriptor.  Idle, it
 * wakes every WATCHER_LOOK_NS to look whether the prober lives.  A forked child has none before it
 * connects by a followed name itself: what it inherited is watched from then on.
 */
#ifndef PELORUS_LIB_CONNECTIONS_WATCHER_H
#define PELORUS_LIB_CONNECTIONS_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHER_LOOK_NS UINT64_C(30000000000)

/* Makes sure that this process has one.  Call it after the socket was recorded.  True if it has. */
bool watcher_arm(void);

#endif
