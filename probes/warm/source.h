/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the statements of a warm-up come from: a file, a URL, or what an admitted reader remembers.
 *
 * MySQL 8 and Aurora MySQL 3 keep a sample of each digest; other servers do not, and their history
 * of single statements is taken instead, which is said once per cluster.
 */
#ifndef WARM_SOURCE_H
#define WARM_SOURCE_H

#include "list.h"
#include "mysql/link.h"
#include "remote/remote.h"

/* What the sources of one cluster remember: the last document, and what its servers lack. */
struct warm_memory {
	char url[CONFIG_URL_MAX];
	char etag[128];
	char *body;
	size_t size;
	bool no_samples; /* said once */
};

void warm_memory_deinit(struct warm_memory *memory);

struct warm_source_options {
	const struct links *links;
	struct warm_memory *memory;
	const char *from; /* file:PATH, a URL, "digest"; copied */
	unsigned limit;   /* of statements */
	/* Once, and the source may be closed in it: the list, which stays the source's; or NULL, and `problem` says why there is none. */
	void (*told)(void *ctx, const struct warm_list *list, const char *problem);
	/* An instance that may be asked for what it remembers; false: there is none. */
	bool (*teller)(void *ctx, struct pel_addr *ret_addr, const char **ret_host);
	/* As remote_ops.fetch and .fetch_cancel. */
	int (*fetch)(void *ctx, const char *url, const char *etag,
		void (*done)(void *ctx, const struct remote_fetched *answer), void *done_ctx,
		struct remote_fetch **ret);
	void (*fetch_cancel)(void *ctx, struct remote_fetch *fetch);
	void *ctx;
};

struct warm_source;

/* Begins; never calls back from within.  0 or -ENOMEM. */
int warm_source_open(const struct warm_source_options *options, struct warm_source **ret);

/* Frees, the list too.  NULL is ignored. */
void warm_source_close(struct warm_source *s);

#endif
