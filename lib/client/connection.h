/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection has to do with the rooms below: names, the map, sockets, the prober.
 */
#ifndef PELORUS_LIB_CLIENT_CONNECTION_H
#define PELORUS_LIB_CLIENT_CONNECTION_H

#include "handle.h"
#include "rules/retry.h"
#include "known/plan.h"
#include "known/wish.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Remembers a connection by a followed name; NULL if it is none. `host` NULL: as the library took
 * it, perhaps from an option file. `fd`: the socket, for a library that does not tell it.
 */
struct handle *connection_adopt(const struct library *lib, void *mysql, const char *host, int fd);

/* Looks which socket the connection now has, on what instance. */
void connection_note_socket(struct handle *h, int fd);

/* The role that the socket's instance has by a living prober's knowledge of this moment. */
enum pel_role connection_known_role(const struct handle *h);

/* A statement begins: what has become of its instance before is no evidence for its loss. */
void connection_note_begin(struct handle *h);

/* The connection was lost; remembers when, the first time. */
void connection_note_loss(struct handle *h, enum retry_cause cause);

/*
 * Whether there is evidence of a failover for an error that the connection has just had.  What the
 * map does not know yet is waited for, EVIDENCE_WAIT_NS or until `until_ns` at most.
 */
#define EVIDENCE_WAIT_NS UINT64_C(2500000000)
bool connection_failed_over(struct handle *h, enum retry_cause cause, uint64_t until_ns);

/* Ends the connection's socket, if it still is that. */
void connection_sever(struct handle *h);

/* The map's word that tells of changes; to be read before what is then waited for is looked at. */
uint32_t connection_word(void);

/* Waits until the word moves, `limit_ns` at most. */
void connection_wait(uint32_t seen, uint64_t limit_ns);

/* Where the name leads at this moment. */
struct plan connection_plan(struct followed *f);

/*
 * Until when a call that began at `begin_ns` may wait for a way: all calls of all processes have
 * one end in a period without a writer, PELORUS_FAILOVER_TIMEOUT behind its beginning.  Where none is
 * awaited a server that takes us in is looked for CONNECTION_SEARCH_NS at most.
 */
#define CONNECTION_SEARCH_NS UINT64_C(3000000000)
uint64_t connection_wait_end(struct followed *f, uint64_t begin_ns);

/*
 * Between two writers waits for the next one, as a connect that blocks does, until that end and for
 * `limit_ns` at most.  True if it has waited and there is a way.
 */
bool connection_await_way(struct followed *f, uint64_t limit_ns);

/* What a living prober's map says of a name's cluster now; false if nothing. */
bool connection_read_map(const struct followed *f, struct pel_hot *ret);

/* Hands a prober that lacks them what the program has just logged in with. */
void connection_hand_over(const struct handle *h, const char *user, const char *password,
	unsigned port);

#endif
