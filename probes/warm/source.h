/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the statements of a warm-up come from: a file, a URL, or what an admitted reader remembers.
 *
 * MySQL 8 and Aurora MySQL 3 keep a sample of each digest; other servers do not, and their history
 * of single statements is taken instead, which is said once per cluster.
 */
#ifndef WARM_SOURCE_H
#define WARM_SOURCE_H

#include "engine/internal.h"
#include "list.h"

struct warm_source_options {
	struct cluster *cluster;
	const char *from; /* file:PATH, a URL, "digest"; copied */
	unsigned slot;    /* of the instance that is to be warmed: not asked itself */
	/* Once, and the source may be closed in it: the list, which stays the source's; or NULL, and `problem` says why there is none. */
	void (*told)(void *ctx, const struct warm_list *list, const char *problem);
	void *ctx;
};

struct warm_source;

/* Begins; never calls back from within.  0 or -ENOMEM. */
int warm_source_open(const struct warm_source_options *options, struct warm_source **ret);

/* Frees, the list too.  NULL is ignored. */
void warm_source_close(struct warm_source *s);

#endif
