/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect() to a virtual address: where it leads at this moment, and what is remembered of it.
 *
 * It never resolves a name and never waits for DNS.  The socket is recorded before the real call
 * and the topology looked at again behind it, so that a change in between is missed neither here
 * nor by the watcher.
 */
#ifndef PELORUS_LIB_CONNECTIONS_DIAL_H
#define PELORUS_LIB_CONNECTIONS_DIAL_H

#include <stdbool.h>
#include <sys/socket.h>

/* The real call, with the address that it is to use. */
struct dial_call {
	ssize_t (*run)(int fd, const struct sockaddr *addr, socklen_t len, const void *context);
	const void *context;
	bool repeatable; /* no effect but the connection: may be run again on another instance */
};

/* The quick look: false for every address that certainly is not ours. */
bool dial_concerns(const struct sockaddr *addr, socklen_t len);

/* Does the call, to where the address leads; result and errno are the call's. */
ssize_t dial_run(int fd, const struct sockaddr *addr, socklen_t len, const struct dial_call *call);

#endif
