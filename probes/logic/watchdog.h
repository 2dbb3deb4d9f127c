/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether somebody who should be heard of each second has fallen silent.  Pure: times, in
 * milliseconds, are of the caller.
 *
 * Only time in which the caller itself ran counts: it looks at least each WATCHDOG_LOOK_MS, and
 * what lies between two looks that are further apart (both were stopped or frozen, or the machine
 * slept) says nothing about the other.
 */
#ifndef PROBES_WATCHDOG_H
#define PROBES_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_LIMIT_MS 10000 /* of silence */
#define WATCHDOG_LOOK_MS 1500
#define WATCHDOG_LATE_MS 3000 /* between two looks: the caller did not run */

struct watchdog {
	int64_t heard_ms;
	int64_t looked_ms;
};

/* Begins: the other is as good as heard. */
void watchdog_start(struct watchdog *w, int64_t now_ms);

void watchdog_heard(struct watchdog *w, int64_t now_ms);

/* True if the silence has lasted for WATCHDOG_LIMIT_MS. */
bool watchdog_look(struct watchdog *w, int64_t now_ms);

/* When to look at the latest. */
int64_t watchdog_deadline(const struct watchdog *w);

#endif
