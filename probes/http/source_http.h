/* SPDX-License-Identifier: Apache-2.0 */
/* A coordinator as a source: who it says are a cluster's members, by poll or by push. */
#ifndef SOURCE_HTTP_H
#define SOURCE_HTTP_H

#include "coordinator_parse.h"
#include "http.h"
#include "base/log.h"
#include "base/loop.h"

struct source_http;

/* The core is told whom it names, at first and after each change; nothing is verified yet.  0 or -errno. */
int source_http_new(const struct http_cluster *of, struct source_http **ret);
void source_http_free(struct source_http *s);

#endif
