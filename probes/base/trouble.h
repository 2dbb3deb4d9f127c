/* SPDX-License-Identifier: Apache-2.0 */
/* A source's trouble: said once when it begins or changes, and once when it ends; and the back-off.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include "log.h"

#include <stdint.h>

struct trouble {
	struct log *log;
	const char *code;    /* of the lines; the end is CODE-over */
	const char *cluster; /* may be NULL */
	char text[160];      /* what was last said; empty: all is well */
	unsigned failures;   /* in a row */
};

/* All is well again. */
void trouble_end(struct trouble *t);

/* Something is wrong; the words must hold no secret. */
void trouble_say(struct trouble *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A share of a time, other for each seed: hosts shall not fall into step.  most_ns is never 0. */
uint64_t jitter_ns(uint64_t seed, uint64_t most_ns);

/*
 * How long to wait after so many failures: doubles from first_ns to most_ns, less a random quarter
 * made of `seed`.
 */
uint64_t trouble_wait_ns(const struct trouble *t, uint64_t first_ns, uint64_t most_ns,
	uint64_t seed);

#endif
