/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go asks DNS by its own system calls, and does not look who answers.  Its questions come to us:
 * for a followed name the virtual address is the answer, any other goes to the nameserver that was
 * meant.
 */
#ifndef PELORUS_TRAP_QUESTIONS_H
#define PELORUS_TRAP_QUESTIONS_H

#include "worker.h"

#include <sys/types.h>

/*
 * The sockets that questions come to, which outlive a worker.  Without them nothing is redirected.
 */
void questions_open(struct trap *t);

/* A worker's part; NULL: nothing is redirected. */
struct questions *questions_begin(struct worker *w);

/* Answers a connect() to port 53 of a Go program; false if it is to go on by itself. */
bool questions_redirect(struct worker *w, struct trap_call *c, const struct pel_addr *asked,
	int family);

/*
 * The nameserver that the socket of that address was to reach, if it still is that of the program;
 * or NULL.
 */
const struct pel_addr *questions_server(const struct trap *t, const struct pel_addr *from,
	bool stream);

/*
 * The answer to a question, where a prober says where its name leads: its length, 0 if a
 * nameserver is to be asked, -EAGAIN if the prober's first word may be awaited.
 */
ssize_t questions_answer(struct worker *w, const uint8_t *bytes, size_t n, uint8_t *ret);

/* What came by one of its sockets. */
void questions_event(struct worker *w, enum worker_event event, unsigned i);

/*
 * Those that wait for a prober's first word, or for a nameserver.  When it wants to be called
 * again.
 */
uint64_t questions_look(struct worker *w, uint64_t now_ns);

/* Those by TCP (streams.c): what came, and when they want to be looked at again. */
void streams_event(struct worker *w, enum worker_event event, unsigned i);
uint64_t streams_look(struct worker *w, uint64_t now_ns);

#endif
