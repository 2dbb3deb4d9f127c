/* SPDX-License-Identifier: Apache-2.0 */
/* What the client ABI asks of the wire layer below it. */
#ifndef PELORUS_LIB_CLIENT_CONNECTION_H
#define PELORUS_LIB_CLIENT_CONNECTION_H

#include "handle.h"

#include <stdbool.h>
#include <stdint.h>

/* The followed name that a host is, or NULL. */
struct followed *abi_wire_followed(const char *host);

/* True if the socket's instance has its role by a living prober's knowledge of this moment. */
bool abi_wire_is_proven(const struct abi_handle *h);

/* Looks which socket the connection now has. */
void abi_wire_note_socket(struct abi_handle *h);

/* Ends the connection's socket, if it still is that. */
void abi_wire_sever(struct abi_handle *h);

/* Tells the prober that something is wrong with the cluster. */
void abi_wire_hint(const struct abi_handle *h);

/*
 * Waits until the topology moves, `limit_ns` at most: on the map's word if a prober lives, else the
 * time out.
 */
void abi_wire_wait(const struct abi_handle *h, uint64_t limit_ns);

/* True if the name leads somewhere at this moment; false between two writers. */
bool abi_wire_has_way(const struct abi_handle *h);

/* True if a living prober knows the cluster's topology, or that there is no writer now. */
bool abi_wire_has_prober(const struct abi_handle *h);

/* Leads this thread's connections by the handle's name to the known writer, if there is one. */
void abi_wire_force_writer(const struct abi_handle *h);

/* Without a prober: the instance that the connection is on is where the name leads from now on. */
void abi_wire_stay_here(const struct abi_handle *h);

/* ... and no longer. */
void abi_wire_leave(const struct abi_handle *h);

/* Hands a prober that lacks them what the program has just logged in with. */
void abi_wire_hand_over(const struct abi_handle *h, const char *user, const char *password,
	unsigned port);

#endif
