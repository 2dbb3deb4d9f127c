/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened: a bounded ring of events, each with a number that only grows.
 *
 * The ring lies in anonymous shared memory, made by the supervisor before it forks: it outlives a
 * worker.  One process writes at a time.  An event is one JSON object on one line:
 *   {"seq":7,"time":"2026-01-02T03:04:05.678Z","code":"writer-changed","cluster":"...",
 *    "instance":"...","text":"..."}
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define EVENTS_KEPT 256
#define EVENTS_LINE_MAX 1536
#define EVENTS_UNTOLD UINT64_MAX
#define EVENTS_CODES 96

struct events;

struct events *events_new(void); /* NULL if there is no memory */
void events_free(struct events *events);

/* `cluster`, `instance` may be NULL.  What does not fit is cut off, inside the text. */
void events_add(struct events *events, int64_t time_ms, const char *code, const char *cluster,
	const char *instance, const char *text);

/* The number of the newest event; 0 if there was none. */
uint64_t events_last(const struct events *events);

/*
 * Copies the first kept event with a number above `since`, without line feed.  Its number, or 0 if
 * there is none.
 */
uint64_t events_next(const struct events *events, uint64_t since,
	char ret_line[static EVENTS_LINE_MAX]);

/* Up to which number somebody outside was told; it outlives a worker as the events do. */
uint64_t events_told(const struct events *events);
void events_set_told(struct events *events, uint64_t seq);

/* How often what has number `i`, below EVENTS_CODES, has happened; it outlives a worker, too. */
void events_count(struct events *events, unsigned i);
uint64_t events_counted(const struct events *events, unsigned i);

/* Called after each events_add() of this process; for those who wait at the control socket. */
void events_on_add(struct events *events, void (*added)(void *ctx), void *ctx);

#endif
