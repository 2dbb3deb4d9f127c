/* SPDX-License-Identifier: Apache-2.0 */
/* What the client ABI asks of names and sockets, which it knows nothing of. */
#ifndef PELORUS_LIB_CLIENT_CONNECTION_H
#define PELORUS_LIB_CLIENT_CONNECTION_H

#include "handle.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Remembers a connection by a followed name; NULL if it is none.  `host` NULL: as the library took it,
 * perhaps from an option file.
 */
struct handle *connection_adopt(const struct library *lib, void *mysql, const char *host);

/* True if the socket's instance has its role by a living prober's knowledge of this moment. */
bool connection_is_proven(const struct handle *h);

/* Looks which socket the connection now has. */
void connection_note_socket(struct handle *h);

/* Ends the connection's socket, if it still is that. */
void connection_sever(struct handle *h);

/*
 * Waits until the topology moves, `limit_ns` at most: on the map's word if a prober lives, else the
 * time out.
 */
void connection_wait(uint64_t limit_ns);

/* True if the name leads somewhere at this moment; false between two writers. */
bool connection_has_way(const struct handle *h);

/* True if a living prober knows the cluster as one of readers alone. */
bool connection_has_no_writer(const struct handle *h);

/* True if a living prober knows the cluster's topology, or that there is no writer now. */
bool connection_has_prober(const struct handle *h);

/* Leads this thread's connections by the handle's name to the known writer, if there is one. */
void connection_force_writer(const struct handle *h);

/*
 * Without a prober: the instance that the connection is on is where the name leads from now on, until
 * followed_pin() takes it back.
 */
void connection_stay_here(const struct handle *h);

/* Hands a prober that lacks them what the program has just logged in with. */
void connection_hand_over(const struct handle *h, const char *user, const char *password,
	unsigned port);

#endif
