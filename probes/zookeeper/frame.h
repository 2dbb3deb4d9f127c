/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a ZooKeeper server says may be handed to ZooKeeper's client.  Pure. */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD 32 /* so much of a frame tells */

/* What the server was asked, and has not answered yet. */
enum frame_asked {
	FRAME_NOTHING = 0,
	FRAME_DATA,
	FRAME_STAT,
};

/* The first n bytes of a frame: 0: it fits; -EPROTO; or how many bytes it takes to tell. */
int frame_judge(const uint8_t *head, size_t n, enum frame_asked asked);

#endif
