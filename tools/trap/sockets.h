/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that were led, by their cookies.  One worker at a time writes here. */
#ifndef PELORUS_TRAP_SOCKETS_H
#define PELORUS_TRAP_SOCKETS_H

#include "trap.h"

/* The record of a socket, or NULL. */
struct trap_socket *sockets_find(struct trap *t, uint64_t cookie);

/* Replaces it or makes one; NULL if there is no room near its place. */
struct trap_socket *sockets_put(struct trap *t, const struct trap_socket *s);

void sockets_forget(struct trap *t, struct trap_socket *s);

/* The next one in use behind `from` (NULL: the first), or NULL. */
struct trap_socket *sockets_next(struct trap *t, struct trap_socket *from);

/* The index of a name that is led, made if there is none yet; -ENOSPC. */
int sockets_name(struct trap *t, const char *name);

#endif
