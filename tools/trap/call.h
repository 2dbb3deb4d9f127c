/* SPDX-License-Identifier: Apache-2.0 */
/* One connect() of the program: where it goes, and how it is answered. */
#ifndef PELORUS_TRAP_CALL_H
#define PELORUS_TRAP_CALL_H

#include "worker.h"

/*
 * Answers it, or holds it until there is a writer.  One that waits asks again by this, too: it is
 * led as if it had come now.
 */
void call_serve(struct worker *w, struct trap_call *c);

/* The last word: it fails with `error`; or goes on by itself, as if nobody had looked. */
void call_answer(struct trap *t, struct trap_call *c, int error);
void call_continue(struct trap *t, struct trap_call *c);

/* Without a worker, or behind two that died of it: to where it would go without us, if anywhere. */
void call_give_up(struct trap *t, struct trap_call *c);

/* Asks for a prober where none is at work, or tells it of the port. */
void call_tell(struct followed *f, const struct plan *plan, uint16_t port);

#endif
