/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that follow a name: what they tell of themselves, and what the kernel tells of them. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "map_view.h"
#include "sockets.h"

#include <pelorus/slots.h>

#define PROCESS_INSTANCES 64

struct process_seen {
	struct pel_slot slot;
	struct pel_slot_more more; /* all zero where the process does not tell it */
	char command[17];          /* harmless to a terminal */
	char user[33];
	enum pel_mode mode; /* the most that holds for any of its names */
	unsigned n_names;
	char names[PEL_SLOT_NAMES][PEL_NAME_MAX]; /* "?": the map does not have it */
	int open;                                 /* below 0: it may not be looked into */
	int idle;                                 /* of them, for a second and more */
	unsigned n_instances;
	struct {
		char id[PEL_ID_MAX];
		unsigned open;
	} instances[PROCESS_INSTANCES]; /* to which it has connections */
	unsigned n_inodes;
	uint64_t inodes[256]; /* of the first ones */
};

#define PROCESS_IDLE_MS 1000

/* All of them, or that of this pid; how many.  -ENOENT: who is there cannot be read; -ENOMEM. */
int processes_read(const struct map_view *view, pid_t only, struct process_seen **ret);

#endif
