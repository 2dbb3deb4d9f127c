/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics over HTTP/1.1: GET /metrics and /healthz, and nothing else.
 *
 * Nothing here waits, and nobody who asks makes others wait: the text is made a slice at a time,
 * each scrape begins some time after the one before, and a client that is slow to ask or to read is
 * dropped.  Each answer ends its connection.
 */
#ifndef SCRAPE_H
#define SCRAPE_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define SCRAPE_REQUEST_MAX 4096

struct log;
struct loop;
struct scrape;

enum scrape_verdict {
	SCRAPE_MORE = 0, /* its head has not ended yet */
	SCRAPE_METRICS,
	SCRAPE_HEALTH,
	SCRAPE_NOT_FOUND,
	SCRAPE_NOT_ALLOWED,
	SCRAPE_BAD,
};

/* What a request, as far as it has come, asks for.  Pure. */
enum scrape_verdict scrape_judge(const char *request, size_t n);

struct scrape_options {
	struct log *log;
	mode_t mode; /* of a socket that has a path */
	/* Writes part `from` of the text, from 0; the number of the next, 0 behind the last. */
	unsigned (*put)(void *ctx, unsigned from, FILE *out);
	void *ctx;
};

/* 0 or -ENOMEM. */
int scrape_new(struct loop *loop, const struct scrape_options *options, struct scrape **ret);
void scrape_free(struct scrape *scrape);

/* Listens there, as listen.h has it; "": nowhere.  What fails is said, and tried again. */
void scrape_listen(struct scrape *scrape, const char *where);

#endif
