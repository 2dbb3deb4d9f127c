/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What supervisor and worker say to each other, one packet a message, in the form of requests.
 *
 *   to the worker:      follow..., replayed, reload, stop
 *   to the supervisor:  follow..., forget name=..., ready, reloaded, reload-failed, alive
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <pelorus/control.h>

#include <stddef.h>
#include <sys/types.h>

/* A pair of ends, the supervisor's and the worker's.  0 or -errno. */
int channel_new(int ret_ends[static 2]);

/* From now on this end never waits.  0 or -errno. */
int channel_hasten(int fd);

/* 0 or -errno. */
int channel_send(int fd, const char *message, size_t size);
int channel_say(int fd, const char *word);

/* The next message; its size, 0 if the other one is gone, or -errno. */
ssize_t channel_receive(int fd, char ret[static PEL_CONTROL_MAX + 1]);

#endif
