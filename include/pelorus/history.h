/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would have been done where names are only observed, and how often the writer changed: by the
 * hour, cluster and program, in a file of the runtime directory that the prober alone writes.
 *
 * A ring of PEL_HISTORY_ROWS rows, the oldest of which are overwritten: 1.2 MB at most.  It outlives
 * the prober, and where the directory is in memory not the machine's next start.
 */
#ifndef PELORUS_HISTORY_H
#define PELORUS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define PEL_HISTORY_FILE "history"
#define PEL_HISTORY_MAGIC UINT64_C(0x31534948534c5050) /* "PPLSHIS1" */
#define PEL_HISTORY_ROWS 4096

struct pel_history_counts {
	uint32_t failovers;                              /* in rows of no program */
	uint32_t elsewhere, wrong, held, severed, moved; /* as in struct pel_slot_seen */
};

struct pel_history_row {
	int64_t hour; /* since 1970, UTC; 0: not used */
	char cluster[256];
	char program[16];
	struct pel_history_counts counts;
};

struct pel_history {
	uint64_t magic;
	uint32_t count;
	uint32_t row_size;
	uint64_t written; /* rows so far: the next one stands at this modulo count */
	uint8_t fill[4096 - 24];
	struct pel_history_row rows[PEL_HISTORY_ROWS];
};

_Static_assert(sizeof(struct pel_history_row) == 304, "pel_history_row");
_Static_assert(offsetof(struct pel_history, rows) == 4096, "pel_history.rows");

#endif
