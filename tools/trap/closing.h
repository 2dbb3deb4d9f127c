/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that are where they should no longer be end, as the library's do. */
#ifndef PELORUS_TRAP_CLOSING_H
#define PELORUS_TRAP_CLOSING_H

#include "worker.h"

/* Judges the sockets of each name whose cluster has moved since the last time. */
void closing_look(struct worker *w, const struct pel_map *map, uint64_t now_ns);

/* As sockets_put(); but where there is no room those that are gone make some. */
struct trap_socket *closing_put(struct worker *w, const struct trap_socket *s);

/* Forgets those that are no longer there; how many are. */
uint32_t closing_count(struct worker *w);

#endif
