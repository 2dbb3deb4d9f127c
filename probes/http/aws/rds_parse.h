/* SPDX-License-Identifier: Apache-2.0 */
/* What the RDS control plane says of one cluster, read page by page.  Pure. */
#ifndef RDS_PARSE_H
#define RDS_PARSE_H

#include "remote/views.h"

#include <stdbool.h>
#include <stddef.h>

#define RDS_MARKER_MAX 1024

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

#endif
