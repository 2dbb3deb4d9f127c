/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's parent: it holds the listener, passes on what the program is to hear, and ends as
 * it does.
 */
#ifndef PELORUS_TRAP_KEEPER_H
#define PELORUS_TRAP_KEEPER_H

#include <stdbool.h>

#define KEEPER_FAILED 125
#define KEEPER_CANNOT 126
#define KEEPER_NOT_FOUND 127

/* Executes it in this process: returns the status to end with, having told why. */
int keeper_execute(char **command, const char *preload);

/*
 * Starts it in the trap and stays with it; the status to end with.  Where that cannot be it executes it
 * here, unless the trap is required.
 */
int keeper_run(char **command, const char *preload, bool require);

#endif
