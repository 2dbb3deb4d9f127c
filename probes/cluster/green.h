/* SPDX-License-Identifier: Apache-2.0 */
/* The green side of a blue/green deployment, as green.c and green_names.c share it. */
#ifndef CLUSTER_GREEN_H
#define CLUSTER_GREEN_H

#include "internal.h"

#define BLUE_ADDRS (PEL_MAP_INSTANCES * 2 + PEL_MAP_NAMES)

struct green_host {
	struct cluster *cluster;
	char host[PEL_NAME_MAX];
	char base[PEL_NAME_MAX]; /* that it is to take over */
	uint8_t failures;
	unsigned n_addrs;
	struct pel_addr addrs[TOPOLOGY_HOST_ADDRS];
	struct resolve_query *query;
	uint64_t asked_ns; /* 0: ask now */
};

struct green {
	unsigned n_hosts;
	struct green_host hosts[PEL_MAP_INSTANCES + 1]; /* the first is its cluster's endpoint */
	struct link link;                               /* to its writer */
	struct pel_addr writer;
	uint8_t turn; /* of the endpoint's addresses */
	uint8_t question;
	bool identified;   /* `hello` is of this connection */
	bool turning;      /* it takes writes, and has yet to tell its table */
	bool stands;       /* for what DNS says */
	bool is_renamed;   /* its table has ids without -green- */
	uint64_t due_ns;   /* the next question or login */
	uint64_t stood_ns; /* since when it stands for it */
	uint64_t blue_ns;  /* when DNS last gave an address of blue's */
	unsigned n_blue;
	struct pel_addr blue[BLUE_ADDRS];
	struct evidence hello;
};

/* By the host alone, at whatever port. */
bool green_has_addr(const struct pel_addr *addrs, unsigned n, const struct pel_addr *addr);

/* That which is to be the member of this id, or has this name; NULL. */
struct green_host *green_host_of(struct green *g, const char *id);

/* From now on it stands for what DNS says of blue, whose addresses are remembered. */
void green_stand(struct cluster *c);
/* ... its names lead there, as if DNS had said so; the members of now live where they were found. */
void green_lead(struct cluster *c);
/* Whether DNS leads to it by itself: each name has, since it last led to blue. */
bool green_has_moved(const struct cluster *c, uint64_t now_ns);

#endif
