/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the program that takes notices. */
#ifndef NOTICE_RUN_H
#define NOTICE_RUN_H

#include "base/loop.h"

#include <sys/types.h>

#define NOTICE_RUN_LIMIT_NS (30 * LOOP_S)

struct notice_run {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer timer;
	pid_t pid; /* 0: nothing runs */
	int pidfd;
	bool late; /* it was ended for taking too long */
	char problem[64];
	void (*ended)(void *ctx, const char *problem);
	void *ctx;
};

void notice_run_init(struct notice_run *run);

/*
 * Starts the program at `path` with `body` as its standard input.  `ended` is called once, with
 * NULL if it ended with 0.  0 or -errno.
 */
int notice_run_start(struct notice_run *run, struct loop *loop, const char *path, const char *body,
	void (*ended)(void *ctx, const char *problem), void *ctx);

bool notice_run_is_on(const struct notice_run *run);

/* Kills what runs, without telling. */
void notice_run_stop(struct notice_run *run);

#endif
