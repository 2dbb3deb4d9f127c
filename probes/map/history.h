/* SPDX-License-Identifier: Apache-2.0 */
/* The file of <pelorus/history.h>, as its one writer keeps it. */
#ifndef HISTORY_H
#define HISTORY_H

#include <pelorus/history.h>

#include <sys/types.h>

#define HISTORY_PROGRAMS 20 /* of a cluster in an hour; all others are one: a week fits */

struct history;

/* Opens or makes it; without it nothing is kept.  NULL if that fails. */
struct history *history_open(int dirfd, mode_t mode);
void history_close(struct history *h);

/* Adds to the row of this hour; `program` is "" for what is the cluster's own.  NULL is ignored. */
void history_add(struct history *h, int64_t now_s, const char *cluster, const char *program,
	const struct pel_history_counts *counts);

#endif
