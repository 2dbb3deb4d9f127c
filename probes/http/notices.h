/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices: events that somebody wants to hear of, posted to a URL or given to a program.
 *
 * The body is one JSON object: the event as events.h writes it, with "text" as a sentence that chat
 * systems show.  One is under way at a time, the others wait in a bounded queue; what fails is
 * tried again with growing pauses, and given up after a while.  Nothing here ever delays the loop.
 */
#ifndef NOTICES_H
#define NOTICES_H

#include "config/config.h"
#include "http.h"
#include "base/log.h"
#include "base/loop.h"

#define NOTICES_QUEUED 64
#define NOTICES_TRIES 6

struct notices;

int notices_new(struct loop *loop, struct http *http, struct log *log, struct notices **ret);
void notices_free(struct notices *n);

/* Where to; nowhere by default.  What is queued goes to the new place. */
void notices_configure(struct notices *n, const struct config *config);

/* A line of events.h; those that are no news for people are passed over. */
void notices_take(struct notices *n, const char *line);

/* The body for an event's line: true, or false if nobody is to be told. */
bool notices_body(const char *line, char *ret, size_t size);

#endif
