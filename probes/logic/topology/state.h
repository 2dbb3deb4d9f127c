/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the topology share.  Each rule changes members and names; topology_settle()
 * then draws the conclusions and compares them with what the caller was last told.
 */
#ifndef PROBES_TOPOLOGY_PRIVATE_H
#define PROBES_TOPOLOGY_PRIVATE_H

#include "topology.h"

/* Concludes after any change; returns `bits` and what the conclusions add. */
unsigned topology_settle(struct topology *t, uint64_t now_ns, unsigned bits);

/* Lowers the deadline: something may change at that time by itself. */
void topology_due(struct topology *t, uint64_t when_ns);

/* True while less than limit_ns have passed since since_ns; else false, and no deadline is set. */
bool topology_within(struct topology *t, uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns);

/* Who is the writer: sets state, why, writer and their times. */
void topology_confirm(struct topology *t, uint64_t now_ns);

/* True if a member is logged in to and not unreachable. */
bool topology_is_anyone_live(const struct topology *t);

/* The verified role of every member. */
void topology_assign_roles(struct topology *t);

/* Lag hysteresis and admission of every member. */
void topology_admit(struct topology *t, uint64_t now_ns);

/* DNS alone or not, and where DNS has led steadily; returns change bits. */
unsigned topology_settle_names(struct topology *t, uint64_t now_ns);

/* A free slot for an id, made a member; PEL_NONE if there is no room. */
unsigned topology_slot_new(struct topology *t, const char *id, uint64_t now_ns);
void topology_slot_free(struct topology *t, unsigned slot);

/* Takes rows over: membership, lag, the second witness. */
unsigned topology_take_rows(struct topology *t, unsigned teller, const struct evidence *e);

/* Whether a coordinator's word is all there is, and if so what follows from it. */
void topology_settle_words(struct topology *t);

/* The member that a coordinator calls the writer, or PEL_NONE. */
unsigned topology_word_writer(const struct topology *t);

/* Hash of id, uuid and address. */
uint64_t topology_identity(const struct topology_member *m);

/* Forgets members that are gone; returns TOPOLOGY_MEMBERS or 0. */
unsigned topology_forget(struct topology *t, uint64_t now_ns);

/* Identity and role out of one answer of a member. */
void topology_take_identity(struct topology *t, unsigned slot, const struct evidence *e);
void topology_take_role(struct topology *t, unsigned slot, const struct evidence *e);

/* What a member said of itself is void. */
void topology_member_void(struct topology_member *m);

/* True if the last answer for the name had the address. */
bool topology_has_latest(const struct topology_name *n, const struct pel_addr *addr);

bool topology_same_addr(const struct pel_addr *a, const struct pel_addr *b);
bool topology_has_addr(const struct pel_addr *addrs, unsigned n, const struct pel_addr *addr);

/* The address that stands for an answer, whatever its order. */
struct pel_addr topology_lead(const struct topology_dns *dns);

/* Counts answers that agree and are far enough apart; *agree is 1 after a change. */
void topology_count(struct pel_addr *lead, uint8_t *agree, uint64_t *agree_ns,
	const struct pel_addr *now_lead, uint64_t now_ns);

#endif
