/* SPDX-License-Identifier: Apache-2.0 */
/* A reply as it grows, and as it leaves in packets. */
#ifndef CONTROL_REPLY_H
#define CONTROL_REPLY_H

#include "control.h"

struct control_reply {
	char *data; /* all of it: "ok\n" and the body, or the line of an error */
	size_t n;
	size_t size;
	size_t sent;
	bool wait;
	bool lost; /* there was no memory for all of it */
};

void control_reply_init(struct control_reply *reply);
void control_reply_deinit(struct control_reply *reply);

/* Sends what it can.  1: everything is sent, 0: the socket is full, -errno: it is gone. */
int control_reply_send(struct control_reply *reply, int fd);

#endif
