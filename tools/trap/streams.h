/* SPDX-License-Identifier: Apache-2.0 */
/* Questions by TCP: each connection of the program has one to its nameserver, if that is asked at all. */
#ifndef PELORUS_TRAP_STREAMS_H
#define PELORUS_TRAP_STREAMS_H

#include "worker.h"

void streams_event(struct worker *w, enum worker_event event, unsigned i);

/* Ends those that nothing comes by any more.  When it wants to be called again, from now. */
uint64_t streams_look(struct worker *w, uint64_t now_ns);

#endif
