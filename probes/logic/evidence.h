/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: what one server said in one answer, with the times between which it said it.
 *
 * A dialect fills what it read; the caller fills sent_ns, received_ns and from.
 */
#ifndef PROBES_EVIDENCE_H
#define PROBES_EVIDENCE_H

#include <pelorus/map.h>
#include "common/rows.h"

#include <stdint.h>

#define EVIDENCE_UUID_MAX 40
#define EVIDENCE_ZONE_MAX 24
#define EVIDENCE_REGION_MAX 32

#define EVIDENCE_IDENTITY 0x1u  /* id, uuid */
#define EVIDENCE_ROLE 0x2u      /* role; with it, term, of_many, unsettled */
#define EVIDENCE_TABLE 0x4u     /* rows */
#define EVIDENCE_LAG 0x8u       /* lag_ms */
#define EVIDENCE_STOPPED 0x10u  /* stopped, refuses */
#define EVIDENCE_HOSTS 0x20u    /* hosts: of all members */
#define EVIDENCE_REPLICAS 0x40u /* hosts: of those that replicate from it; perhaps none */

/*
 * A fencing token: who has it claims to be the writer of the count-th formation of a cluster.  Terms of
 * one era alone compare; count 0 is none.
 */
struct evidence_term {
	uint64_t era, count;
};

/* A member as a third party names it: a coordinator, or another server. */
struct evidence_host {
	char host[PEL_NAME_MAX];
	uint16_t port;                    /* 0: the cluster's */
	enum pel_role role;               /* WRITER or READER */
	char region[EVIDENCE_REGION_MAX]; /* in which `host` is an id; empty: it is a host */
	bool away;                        /* not of the region whose readers serve */
};

struct evidence {
	unsigned has; /* EVIDENCE_* */
	enum pel_role role;
	bool of_many;   /* WRITER: others of its cluster may be written to as well; see choose.c */
	bool unsettled; /* its group is about to change */
	struct evidence_term term;
	bool stopped;        /* its replication does not run, so that it only ages */
	bool refuses;        /* it executes nothing for anybody: it is out of its group */
	uint32_t lag_ms;     /* its own; PEL_LAG_UNKNOWN if it does not know */
	char id[PEL_ID_MAX]; /* empty: the dialect has no ids of its own */
	char uuid[EVIDENCE_UUID_MAX];
	char zone[EVIDENCE_ZONE_MAX];
	uint64_t sent_ns;     /* when the question was handed to the kernel */
	uint64_t received_ns; /* when the answer was read */
	struct pel_addr from; /* the peer's address and port */
	struct pel_rows rows;
	unsigned n_hosts, n_refused; /* refused: no host names, or more than there is room for */
	bool is_cut; /* ... the latter: who is not among hosts may be one all the same */
	struct evidence_host hosts[PEL_MAP_INSTANCES];
};

#endif
