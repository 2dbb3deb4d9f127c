/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a ZooKeeper server says may be handed to ZooKeeper's client.
 *
 * libzookeeper trusts its server: an answer to no question ends the program by an assertion, a
 * frame that is shorter than what it tells has memory freed that never was allocated, and as much
 * memory is taken as the length says.  But it reads one frame at a time, so that each can be looked
 * at first:
 *
 *   size, xid, zxid (8), error, and then       4 bytes each, the highest first
 *   of an event: type, state, path             a path or data: its size, and the bytes
 *   of data: data, stat; of a stat: stat       a stat: 68 bytes
 *
 * The size tells of what follows it.
 */
#include "frame.h"

#include <errno.h>

#define FRAME_MAX (1100 * 1024) /* servers let no node be larger than 1 MiB */
#define HEADER 16
#define EVENT (HEADER + 12) /* with the size of the path */
#define STAT 68

#define XID_EVENT (-1)
#define XID_PING (-2)
#define XID_WATCHES (-8) /* they were set anew */
#define XID_LAST (-16)   /* what is below may be that of a question */

static int32_t number(const uint8_t *at)
{
	return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
		at[3]);
}

/* One of four kinds; a path that is as long as it says. */
static int judge_event(const uint8_t *head, int32_t size)
{
	int32_t type;

	if (size <= EVENT)
		return -EPROTO;
	type = number(head + 20);
	return type >= 1 && type <= 4 && number(head + EVENT) == size - EVENT ? 0 : -EPROTO;
}

static int judge_answer(const uint8_t *head, int32_t size, enum frame_asked asked)
{
	int32_t data;

	if (asked == FRAME_NOTHING)
		return -EPROTO;
	if (number(head + 16) != 0) /* nothing else is read then */
		return 0;
	if (asked == FRAME_STAT)
		return size == HEADER + STAT ? 0 : -EPROTO;
	if (size < HEADER + 4 + STAT)
		return -EPROTO;
	data = number(head + 20);
	return size - (HEADER + 4 + STAT) == (data == -1 ? 0 : data) ? 0 : -EPROTO;
}

int frame_judge(const uint8_t *head, size_t n, enum frame_asked asked)
{
	int32_t size, xid;

	if (n < 4)
		return 4;
	size = number(head);
	if (size < HEADER || size > FRAME_MAX)
		return -EPROTO;
	if (n < FRAME_HEAD && n < (size_t)size + 4)
		return size + 4 < FRAME_HEAD ? size + 4 : FRAME_HEAD;
	xid = number(head + 4);
	if (xid == XID_EVENT)
		return judge_event(head, size);
	if (xid == XID_PING || xid == XID_WATCHES)
		return size == HEADER ? 0 : -EPROTO;
	return xid < 0 && xid > XID_LAST ? -EPROTO : judge_answer(head, size, asked);
}
