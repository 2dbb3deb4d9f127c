/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process that has told its number and its start still is there. */
#ifndef SLOTS_PROCESS_H
#define SLOTS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The time by which the kernel tells a process's start. */
uint64_t process_now_ticks(void);

/* Only if thorough its start is looked at; 0: it is not known. */
bool process_lives(pid_t pid, uint64_t ticks, bool thorough);

#endif
