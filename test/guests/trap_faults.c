/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a worker of the trap ends or is late, once: PELORUS_TRAP_FAULT is
 * "PLACE kill|stop|late|starve|loop FILE", and it is whoever can remove FILE.  A starved one would run,
 * and is not let for a while.
 */
#include "trap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LATE_US 50000 /* it is not replaced for that, */
#define STARVE_S 0.5  /* nor for that, for it is no fault of its own */

static void run_for(double s)
{
	struct timespec begin, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
		s);
}

void trap_fault(unsigned place)
{
	const char *wanted = getenv("PELORUS_TRAP_FAULT");
	char kind[8], path[256];
	unsigned at;

	if (wanted && sscanf(wanted, "%u %7s %255s", &at, kind, path) == 3 && at == place &&
		unlink(path) == 0) {
		if (strcmp(kind, "late") == 0)
			(void)usleep(LATE_US);
		else if (strcmp(kind, "starve") == 0 || strcmp(kind, "loop") == 0)
			run_for(kind[0] == 's' ? STARVE_S : 1e9);
		else
			(void)raise(strcmp(kind, "stop") == 0 ? SIGSTOP : SIGKILL);
	}
}
