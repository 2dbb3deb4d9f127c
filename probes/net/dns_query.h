/* SPDX-License-Identifier: Apache-2.0 */
/* One name put to the servers of resolv.conf, once: what goes on the wire of a look-up (resolve.h). */
#ifndef DNS_QUERY_H
#define DNS_QUERY_H

#include "dns_conf.h"
#include "resolve.h"

struct dns_query;

/*
 * `done` is called once, from the loop, and the query is gone after it.  `conf` stays the caller's.
 * 0; -ENOENT: no name to ask for comes of it; -ENOMEM.
 */
int dns_query_start(struct loop *loop, const struct dns_conf *conf, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct dns_query **ret);

/* Ends it without an answer; not from within `done`.  NULL is ignored. */
void dns_query_cancel(struct dns_query *q);

#endif
