/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is run: what it is given, what it says, how it ended.
 *
 * Input and output are memory files, so that there is no pipe to fill and nothing waits; its end is
 * heard of by a pidfd on the loop, and it is ended when its time is over.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "base/loop.h"

#include <stdbool.h>

#define PROGRAM_OUTPUT_MAX 16384 /* what it writes beyond that fails */

struct program;

struct program_options {
	const char *const *argv; /* the path of the first */
	char *const *environment;
	const char *input; /* NULL: none */
	bool wants_output;
	uint64_t limit_ns;
	/* `problem` NULL: it ended well.  It is freed when this returns. */
	void (*ended)(void *ctx, const char *problem, const char *output);
	void *ctx;
};

/* 0 or -errno; `ended` is not called from within. */
int program_start(struct loop *loop, const struct program_options *options, struct program **ret);

/* Ends it without a word.  NULL is ignored. */
void program_free(struct program *p);

#endif
