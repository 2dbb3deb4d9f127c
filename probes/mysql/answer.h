/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a server may answer.  libmariadb goes on reading for as long as something is there, whatever it
 * makes of it: a server that sends faster than is read would keep it, and the loop, and fill the memory.
 */
#ifndef PELORUS_PROBES_MYSQL_ANSWER_H
#define PELORUS_PROBES_MYSQL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mysql.h>

struct answer {
	uint64_t bytes, limit;
};

/* Counts anew what is read. */
void answer_begin(struct answer *a, uint64_t limit);

/* What libmariadb reads from now on is this one's, or nobody's: to be called before each of its operations. */
void answer_enter(struct answer *a);

/* What libmariadb is to tell of each read: nothing is bounded before. */
void answer_has_read(int mode, MYSQL *mysql, const unsigned char *buffer, size_t n);

/* Its connection has been shut because of it. */
bool answer_is_too_long(const struct answer *a);

#endif
