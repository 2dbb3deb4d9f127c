/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of the topology share, and what each of them gives to the facade, topology.c.
 *
 * A rule changes members and names, and returns change bits; the facade alone then lets all of them
 * conclude.  A rule may use state.c; word.c, scout.c and bond.c use members.c, confirm.c asks
 * word.c and terms.c, choose.c confirm.c and terms.c, word.c and members.c terms.c, scout.c has word.c
 * name members, dns.c and scout.c ask bond.c.
 */
#ifndef PROBES_TOPOLOGY_PRIVATE_H
#define PROBES_TOPOLOGY_PRIVATE_H

#include "topology.h"

/* state.c */

/* True while less than limit_ns have passed since since_ns; else false, and no deadline is set. */
bool topology_within(struct topology *t, uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns);

/* True if a member was logged in to once. */
bool topology_is_anyone_met(const struct topology *t);

/* True if a member is logged in to and not unreachable. */
bool topology_is_anyone_live(const struct topology *t);

/* As published: a reader that is named no more, or is away, is held while it is. */
enum pel_admission topology_admission(const struct topology *t, const struct topology_member *m);

/* As published: who refuses everybody is as good as gone, as long as another serves. */
enum pel_health topology_health(const struct topology *t, const struct topology_member *m);

/* Rows or hosts that were refused are worth a word once, until a list without any. */
unsigned topology_judge_oddity(struct topology *t, bool odd);

/* Hash of id, uuid and address. */
uint64_t topology_identity(const struct topology_member *m);

bool topology_same_addr(const struct pel_addr *a, const struct pel_addr *b);
bool topology_has_addr(const struct pel_addr *addrs, unsigned n, const struct pel_addr *addr);

/* members.c */

/* A free slot for an id, made a member; PEL_NONE if there is no room. */
unsigned topology_slot_new(struct topology *t, const char *id, uint64_t now_ns);

/* The member at that host and port (0: the cluster's), or PEL_NONE; and the same, made if need be. */
unsigned topology_find_host(const struct topology *t, const char *host, uint16_t port);
unsigned topology_slot_at(struct topology *t, const char *host, uint16_t port, uint64_t now_ns);
void topology_slot_free(struct topology *t, unsigned slot);

/* Identity, role and rows (membership, lag, the second witness) out of one answer of a member. */
void topology_take_identity(struct topology *t, unsigned slot, const struct evidence *e);
void topology_take_role(struct topology *t, unsigned slot, const struct evidence *e);
unsigned topology_take_rows(struct topology *t, unsigned teller, const struct evidence *e);

unsigned topology_take_answer(struct topology *t, unsigned slot, const struct evidence *e);
unsigned topology_take_lost(struct topology *t, unsigned slot);

/* Forgets members that are gone; returns TOPOLOGY_MEMBERS or 0. */
unsigned topology_forget(struct topology *t);

/* bond.c */

/* Whether a name that leads elsewhere may leave now: no bond holds it, and it has not just moved. */
bool topology_may_leave(struct topology *t, const struct topology_name *n, uint64_t now_ns);
unsigned topology_leave(struct topology_name *n, bool met);

void topology_forget_all(struct topology *t, uint64_t now_ns);

/* Forgets everybody; names that do not lead to `from` leave, unless they are bound.  Change bits. */
unsigned topology_begin_anew(struct topology *t, const struct pel_addr *from, uint64_t now_ns);

/* What follows for names that have led elsewhere for long; returns change bits. */
unsigned topology_conclude_bonds(struct topology *t, uint64_t now_ns);

/* scout.c */
unsigned topology_take_scout(struct topology *t, const struct evidence *e, unsigned *ret_slot);
unsigned topology_take_green(struct topology *t, const struct evidence *e, unsigned *ret_slot);

/* dns.c */
unsigned topology_take_dns(struct topology *t, unsigned name, const struct topology_dns *dns,
	uint64_t now_ns);
unsigned topology_take_host(struct topology *t, unsigned slot, const struct topology_dns *dns,
	uint64_t now_ns);

/* DNS alone or not, and where DNS has led steadily; returns change bits. */
unsigned topology_conclude_names(struct topology *t, uint64_t now_ns);

/* word.c */
unsigned topology_take_words(struct topology *t, const struct evidence_host *words, unsigned n,
	uint64_t now_ns);

/* The members that a server tells; those that it does not are named no more.  PEL_NONE: it is none. */
unsigned topology_take_hosts(struct topology *t, unsigned slot, const struct evidence *e);

/* Those that replicate from the writer, as it tells them. */
unsigned topology_take_replicas(struct topology *t, unsigned slot, const struct evidence *e);

unsigned topology_take_kept(struct topology *t, const struct evidence *e);

/* Whether a coordinator's word is all there is, and if so what follows from it. */
void topology_conclude_words(struct topology *t);

/* The member that a coordinator calls the writer, or PEL_NONE. */
unsigned topology_word_writer(const struct topology *t);

/* terms.c */

/* Whether it tells the term of a former writer: others have a later one. */
bool topology_is_outdated(const struct topology *t, const struct topology_member *m);

/* Whether an answer is of an earlier term than what another told. */
bool topology_is_behind(const struct topology *t, const struct evidence_term *term);

/* Whether a member tells of another era: then there are two groups. */
bool topology_is_apart(const struct topology *t, const struct evidence_term *term);

/* The same of one alone, by the order in which they are told. */
bool topology_is_earlier(const struct evidence_term *a, const struct evidence_term *b);

/* choose.c: where there are many that may be written to, lets one of them claim */
void topology_choose(struct topology *t, uint64_t now_ns);

/* twins.c */

/* Finds members that are one server: all but one of them are twins, and count for nothing. */
void topology_fold(struct topology *t, uint64_t now_ns);

/* confirm.c */

/* Who is the writer: sets state, why, writer and their times. */
void topology_confirm(struct topology *t, uint64_t now_ns);

/* Whether a writer that cannot be asked at this moment stays the writer. */
bool topology_is_held(struct topology *t, unsigned slot, uint64_t now_ns);

/* How long a writer is awaited. */
uint64_t topology_writerless_limit_ns(const struct topology *t);

/* The verified role of every member. */
void topology_assign_roles(struct topology *t);

/* admit.c: lag hysteresis and admission of every member */
void topology_admit(struct topology *t, uint64_t now_ns);

#endif
