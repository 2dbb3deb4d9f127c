/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a server may answer.  libmariadb goes on reading for as long as something is there, whatever it
 * makes of it: a server that sends faster than is read would keep it, and the loop, and fill the memory.
 */
#ifndef PELORUS_PROBES_MYSQL_ANSWER_H
#define PELORUS_PROBES_MYSQL_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

struct answer {
	uint64_t bytes, limit;
};

/* Counts anew what is read. */
void answer_begin(struct answer *a, uint64_t limit);

/* What libmariadb reads from now on is this one's, or nobody's: to be called before each of its operations. */
void answer_enter(struct answer *a);

/* Its connection has been shut because of it. */
bool answer_is_too_long(const struct answer *a);

#endif
