/* SPDX-License-Identifier: Apache-2.0 */
/* The RDS control plane as a source: custom endpoints and their members, ports, zones. */
#ifndef SOURCE_RDS_H
#define SOURCE_RDS_H

#include "creds.h"
#include "rds_parse.h"

#define SOURCE_RDS_POLL_NS (30 * LOOP_S)

struct source_rds;

struct source_rds_options {
	struct loop *loop;
	struct http *http;
	struct log *log;
	struct aws_chain *chain; /* stays the caller's */
	/* The cluster's writer endpoint, or a custom one: its first label is the id; copied. */
	const char *key;
	const char *region; /* copied */
	void (*listed)(void *ctx, const struct rds_view *view);
	void *ctx;
};

int source_rds_new(const struct source_rds_options *options, struct source_rds **ret);
void source_rds_free(struct source_rds *s);

/* The chain has a key, or a new one. */
void source_rds_key_ready(struct source_rds *s);

#endif
