/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a connection in place: the same MYSQL*, another server.
 */
#ifndef PELORUS_LIB_CLIENT_MOVE_H
#define PELORUS_LIB_CLIENT_MOVE_H

#include "handle.h"

/*
 * Brings the connection to where its name leads now, with its settings restored.  Blocks up to
 * PELORUS_FAILOVER_TIMEOUT.  0; -ENOTSUP if this library's connections cannot be moved, -ENOENT if a
 * refusal was no failover (the server is what the name means), -ETIMEDOUT.
 */
int move_connection(struct handle *h, enum retry_cause cause);

/*
 * For a new connection: whether it is on the right instance, and if not, to that.  What cannot be
 * found out or mended is left as it is.
 */
void move_verify(struct handle *h);

#endif
