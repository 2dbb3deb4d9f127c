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

#define EVIDENCE_IDENTITY 0x1u /* id, uuid */
#define EVIDENCE_ROLE 0x2u     /* role */
#define EVIDENCE_TABLE 0x4u    /* rows */
#define EVIDENCE_LAG 0x8u      /* lag_ms */

struct evidence {
	unsigned has; /* EVIDENCE_* */
	enum pel_role role;
	bool stopped;        /* with lag: its replication does not run, so that it only ages */
	uint32_t lag_ms;     /* its own; PEL_LAG_UNKNOWN if it does not know */
	char id[PEL_ID_MAX]; /* empty: the dialect has no ids of its own */
	char uuid[EVIDENCE_UUID_MAX];
	char zone[EVIDENCE_ZONE_MAX];
	uint64_t sent_ns;     /* when the question was handed to the kernel */
	uint64_t received_ns; /* when the answer was read */
	struct pel_addr from; /* the peer's address and port */
	struct pel_rows rows;
};

#endif
