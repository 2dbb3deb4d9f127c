/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a worker: the `follow` requests, with the credentials in them, word for word.
 *
 * In memory that no core dump contains.  Bounded: what does not fit is not kept, and clients will
 * say it again after the worker was restarted.
 */
#ifndef KEEP_H
#define KEEP_H

#include <stdbool.h>
#include <stddef.h>

#define KEEP_SIZE (1u << 20)
#define KEEP_DROP "drop\n" /* the worker's word to the supervisor: the request behind it */

struct keep;

struct keep *keep_new(void);
void keep_free(struct keep *keep);

/* 1 if it is kept now, 0 if it was, -ENOSPC. */
int keep_add(struct keep *keep, const char *request, size_t size);

/* Whether there is any request for that name. */
bool keep_has(const struct keep *keep, const char *name);

/* Drops all requests for that name, which must be their first field. */
void keep_forget(struct keep *keep, const char *name);

/* Drops this one, if it is kept. */
void keep_drop(struct keep *keep, const char *request, size_t size);

/* The request at *at (0 for the first), and *at moved on; NULL at the end. */
const char *keep_next(const struct keep *keep, size_t *at, size_t *ret_size);

#endif
