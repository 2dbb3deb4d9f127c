/* SPDX-License-Identifier: Apache-2.0 */
/* A process that runs, as the library in it sees its surroundings. */
#ifndef PROCESSES_AS_H
#define PROCESSES_AS_H

#include "base/env.h"

#include <sys/types.h>

struct as_process {
	struct env env;   /* what its environment asks of the library */
	bool has_library; /* it is loaded */
	uint64_t netns;   /* 0: not known */
};

/*
 * Reads it, and becomes its user, where we are root, with its runtime directory: what is opened from
 * now on is what it would open.  0 or -errno.
 */
int as_process_become(pid_t pid, struct as_process *ret);

#endif
