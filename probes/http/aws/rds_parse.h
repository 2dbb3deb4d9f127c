/* SPDX-License-Identifier: Apache-2.0 */
/* What the RDS control plane says of one cluster, read page by page.  Pure. */
#ifndef RDS_PARSE_H
#define RDS_PARSE_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RDS_ENDPOINTS PEL_MAP_NAMES
#define RDS_LISTED 16
#define RDS_MARKER_MAX 1024

enum rds_endpoint_type {
	RDS_ENDPOINT_ANY = 0,
	RDS_ENDPOINT_READER, /* whoever is the writer is left out */
	RDS_ENDPOINT_WRITER,
};

/* A custom endpoint. */
struct rds_endpoint {
	char host[PEL_NAME_MAX];
	char cluster[PEL_ID_MAX];
	char status[24];
	enum rds_endpoint_type type;
	bool custom; /* others are the cluster's own two */
	unsigned n_static, n_excluded;
	char statics[RDS_LISTED][PEL_ID_MAX]; /* if any: these alone; else all but the excluded */
	char excluded[RDS_LISTED][PEL_ID_MAX];
};

struct rds_member {
	char id[PEL_ID_MAX];
	char zone[24];
	char host[PEL_NAME_MAX]; /* empty: not said */
	uint16_t port;           /* 0: not said */
	bool writer;
};

struct rds_view {
	uint16_t port; /* the cluster's; 0: not said */
	unsigned n_endpoints, n_members;
	struct rds_endpoint endpoints[RDS_ENDPOINTS];
	struct rds_member members[PEL_MAP_INSTANCES];
};

/* What a page says besides: where to go on, or what went wrong. */
struct rds_page {
	char marker[RDS_MARKER_MAX]; /* of the next page; empty: this was the last */
	char error[64];              /* the code of an error response; empty: none */
};

/*
 * Adds one page of DescribeDBClusterEndpoints, DescribeDBClusters or DescribeDBInstances to *view;
 * which one it is, its elements tell.  0; -EPROTO: not such XML, *view is unchanged; -ENOSPC: more
 * than fits; -ENOMEM.
 */
int rds_parse(const char *body, size_t n, struct rds_view *view, struct rds_page *ret);

/* Whether an error code asks for fewer questions. */
bool rds_is_throttling(const char *code);

/*
 * The ids that a custom endpoint leads to now: the static ones, or all but the excluded; without
 * `writer` (an id, or NULL) if the endpoint is for readers, `writer` alone if it is for the writer.
 */
unsigned rds_endpoint_members(const struct rds_view *view, const struct rds_endpoint *endpoint,
	const char *writer, const char *ret[static PEL_MAP_INSTANCES]);

#endif
