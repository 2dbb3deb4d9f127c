/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports of loopback that never answer: there the library has non-blocking connects wait for a writer
 * (park4 and park6 of <pelorus/map.h>).
 *
 * The supervisor makes them and its workers inherit them, so that a worker's end ends no wait; with
 * the last of these processes they are gone, and the kernel refuses whoever waits.
 */
#ifndef PARK_H
#define PARK_H

#include <stdint.h>

#define PARK_FDS 10

struct park {
	uint16_t port4, port6; /* 0: there is none */
	unsigned n;
	int fds[PARK_FDS];
};

/* What cannot be had, or does answer, is left out.  Waits some milliseconds. */
void park_open(struct park *ret);
void park_close(struct park *park);

#endif
