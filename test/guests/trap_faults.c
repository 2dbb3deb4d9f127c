/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a worker of the trap ends or is late, once: PELORUS_TRAP_FAULT is "PLACE kill|stop|late FILE",
 * and it is whoever can remove FILE.
 */
#include "trap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LATE_US 50000 /* it is not replaced for that */

void trap_fault(unsigned place)
{
	const char *wanted = getenv("PELORUS_TRAP_FAULT");
	char kind[8], path[256];
	unsigned at;

	if (wanted && sscanf(wanted, "%u %7s %255s", &at, kind, path) == 3 && at == place &&
		unlink(path) == 0) {
		if (strcmp(kind, "late") == 0)
			(void)usleep(LATE_US);
		else
			(void)raise(strcmp(kind, "stop") == 0 ? SIGSTOP : SIGKILL);
	}
}
