/* SPDX-License-Identifier: Apache-2.0 */
/* A node of ZooKeeper as a source: what it holds names the members, and each change of it is told. */
#ifndef SOURCE_ZOOKEEPER_H
#define SOURCE_ZOOKEEPER_H

#include "http/http.h"
#include "net/resolve.h"

struct source_zookeeper;

/* `of` (which speaks no HTTP here) and the resolver are the caller's.  0; -EINVAL: no such URL. */
int source_zookeeper_new(const struct http_cluster *of, struct resolver *resolver,
	struct source_zookeeper **ret);
/* Never waits; NULL is ignored. */
void source_zookeeper_free(struct source_zookeeper *s);

#endif
