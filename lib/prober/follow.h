/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following a name: its record in this process, and the prober's knowledge that we are here.
 *
 * Telling the prober takes a slot in clients.slots and sends one packet, "follow", with what the
 * environment holds for that very name.  Nothing waits for an answer unless it says so, nothing
 * allocates.
 */
#ifndef PELORUS_LIB_PROBER_FOLLOW_H
#define PELORUS_LIB_PROBER_FOLLOW_H

#include "envcreds.h"
#include "known/followed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The record of a name in normal form; NULL, once said why, if it must be left to DNS. */
struct followed *follow_name(const char *name);

/* False if the block's addresses are, or may be, somebody's: of this host, or by an answer of DNS. */
bool follow_owns_block(void);

/*
 * Makes sure that a prober follows the name: starts one if none lives, tells it if it does not know
 * the name or has nothing to log in with.  True if its first word about the name may come soon.
 * `port` is the one that the program asked for, 0 if it is not known.
 */
bool follow_tell(struct followed *f, uint16_t port, uint64_t now_ns);

/* Asks a living prober to follow the name, and waits for its answer, 1 s at most: true if it will not. */
bool follow_is_refused(const struct followed *f, uint16_t port);

/* Tells a living prober the port that the program connects to, if a lookup could not know it. */
void follow_port(struct followed *f, uint16_t port);

/* Hands the prober what the program itself has just logged in with.  Not to a system prober. */
void follow_hand_over(const struct followed *f, uint16_t port, const struct envcreds *creds);

/*
 * Tells the prober that something is wrong with the name's cluster; `refused`: the one address that
 * it published for the name, from DNS, refused a connection.
 */
void follow_hint(const struct followed *f, bool refused);

/*
 * An RDS token for a login as `user`, asked of the prober; waits for its answer, but never long.
 * 0; -EAGAIN: not yet (no prober, no key, or the name is new to it); -EPROTO: it has an error to
 * tell; -ENOBUFS.
 */
int follow_token(const struct followed *f, uint16_t port, const char *user, char *ret, size_t size);

#endif
