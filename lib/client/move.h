/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a connection in place: the same MYSQL*, another server.
 */
#ifndef PELORUS_LIB_CLIENT_MOVE_H
#define PELORUS_LIB_CLIENT_MOVE_H

#include "handle.h"

/* True if the client library can connect anew in place, with the password that it has. */
bool move_is_possible(const struct handle *h);

/*
 * Brings a connection of which there is evidence that its instance failed over to where its name
 * leads now, with its settings restored.  It must be clean and idle.  Waits for a writer as long as
 * connection_wait_end() has it, until `until_ns` at most.  False: the library has found its connection
 * lost, which is what it tells, and what waiting cannot cure has left the handle for good.
 */
bool move_connection(struct handle *h, uint64_t until_ns);

/* True if the server says that the session has made no id of an insert yet; asked on the handle itself. */
bool move_has_no_id(const struct handle *h);

/*
 * For a new connection: brings it to the right instance if it is not there.  False if it could not
 * be, and was ended: by a writer's name nobody is given a reader.
 */
bool move_verify(struct handle *h);

#endif
