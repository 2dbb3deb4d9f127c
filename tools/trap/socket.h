/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with a duplicate of one of the program's sockets, which is closed right behind it.
 */
#ifndef PELORUS_TRAP_SOCKET_H
#define PELORUS_TRAP_SOCKET_H

#include "trap.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

uint64_t socket_cookie(int fd);
uint64_t socket_netns(int fd);                  /* the cookie of its network namespace */
int socket_option(int fd, int level, int name); /* -1: it has none */

/* True if a connect() on it waits. */
bool socket_blocks(int fd);

/* enum of <netinet/tcp.h>: TCP_CLOSE, TCP_SYN_SENT ...; -1 if that cannot be told. */
int socket_state(int fd);

/* True if its connect was refused, of which the program has not been told yet. */
bool socket_is_refused(int fd);

/* True if nothing is under way on it, nor unread. */
bool socket_is_idle(int fd);

/* Its own address; port 0: it has none yet. */
struct pel_addr socket_address(int fd);

bool socket_is_same(const struct pel_addr *a, const struct pel_addr *b);

/* True if it is on its way to, or connected with, that address. */
bool socket_goes_to(int fd, const struct pel_addr *to);

/*
 * Begins to connect it, to an address in the shape of `family`, and does not wait, whatever it is
 * set to; `call` (or NULL) keeps what a successor has to put back.  0, EINPROGRESS or another
 * error.
 */
int socket_begin(int fd, const struct pel_addr *to, int family, struct trap_call *call);

/* Lets it block again, if a worker died in socket_begin(). */
void socket_restore(int fd, struct trap_call *call);

/* Takes it back to unconnected. */
bool socket_disconnect(int fd);

/* How often a connect is tried before the kernel gives up, and what that was before. */
#define SOCKET_PATIENT 127 /* the most there is: hours */
uint32_t socket_patience(int fd, int tries);

#endif
