/* SPDX-License-Identifier: Apache-2.0 */
/* The RDS control plane as a source: custom endpoints and their members, ports, zones. */
#ifndef SOURCE_RDS_H
#define SOURCE_RDS_H

#include "creds.h"
#include "rds_parse.h"

struct source_rds;

/*
 * The cluster's key is its writer endpoint, or a custom one: its first label is the id.  Chain and
 * region stay the caller's.
 */
int source_rds_new(const struct http_cluster *of, struct aws_chain *chain, const char *region,
	struct source_rds **ret);
void source_rds_free(struct source_rds *s);

/* The chain has a key, or a new one. */
void source_rds_key_ready(struct source_rds *s);

/* Something has happened in the cluster: the view may be another soon. */
void source_rds_hurry(struct source_rds *s);

#endif
