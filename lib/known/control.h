/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's control socket, seen from its clients. */
#ifndef PELORUS_LIB_KNOWN_CONTROL_H
#define PELORUS_LIB_KNOWN_CONTROL_H

#include <stdbool.h>

/* A connection to the prober of a runtime directory, which does not block; or -errno. */
int control_open(const char *directory);

/* True if it is certain that no prober lives: the socket is there and nobody holds its other end. */
bool control_is_deserted(const char *directory);

#endif
