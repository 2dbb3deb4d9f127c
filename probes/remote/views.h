/* SPDX-License-Identifier: Apache-2.0 */
/* What the module reads of a cluster and the core works with: a coordinator's view, and that of RDS. */
#ifndef REMOTE_VIEWS_H
#define REMOTE_VIEWS_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define COORDINATOR_SESSION_MAX 40

struct coordinator_host {
	char host[PEL_NAME_MAX]; /* normal form, or a numeric address */
	uint16_t port;           /* 0: not said */
	enum pel_role role;      /* WRITER (one at most) or READER */
};

struct coordinator_view {
	unsigned n;
	struct coordinator_host hosts[PEL_MAP_INSTANCES];
	/* Of a key-value store: */
	bool leased;                           /* the key goes when whoever wrote it does */
	uint64_t index;                        /* the state that this was read from; 0: not said */
	uint64_t digest;                       /* of the value: another one for another value */
	char session[COORDINATOR_SESSION_MAX]; /* Consul: that locks the key; else "" */
};

#define RDS_ENDPOINTS PEL_MAP_NAMES
#define RDS_LISTED 16

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

/*
 * The ids that a custom endpoint leads to now: the static ones, or all but the excluded; without
 * `writer` (an id, or NULL) if the endpoint is for readers, `writer` alone if it is for the writer.
 */
unsigned rds_endpoint_members(const struct rds_view *view, const struct rds_endpoint *endpoint,
	const char *writer, const char *ret[static PEL_MAP_INSTANCES]);

#endif
