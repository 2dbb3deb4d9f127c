/* SPDX-License-Identifier: Apache-2.0 */
/* A source's trouble: said once when it begins or changes, and once when it ends. */
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

#endif
