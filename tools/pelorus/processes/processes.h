/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that follow a name: what they tell of themselves, and what the kernel tells of them. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "map_view.h"
#include "sockets.h"

#define PROCESS_INSTANCES 64

struct process_seen {
	struct slot_seen told;
	bool is_here;   /* its number is its own here */
	bool has_ended; /* surely */
	char user[33];
	enum pel_mode mode; /* the most that holds for any of its names */
	unsigned n_names;
	char names[PEL_SLOT_NAMES][PEL_NAME_MAX]; /* "?": the map does not have it */
	int open;                                 /* below 0: it may not be looked into */
	int idle;                                 /* of them, answered a second ago or more */
	unsigned n_instances;
	struct {
		char id[PEL_ID_MAX];
		unsigned open;
	} instances[PROCESS_INSTANCES]; /* to which it has connections */
	unsigned n_sockets;
	struct process_socket {
		uint64_t inode;
		bool counted; /* it is one of `open` */
	} * sockets;          /* all that are open */
};

/* Which of them: all, if it is all zero. */
struct process_filter {
	pid_t pid;
	/* Those that follow this name's cluster; only connections to that instance are counted. */
	const char *name, *id;
};

#define PROCESS_IDLE_MS 1000

/* How many; -ENOENT: who is there cannot be read; -ENOMEM. */
int processes_read(const struct map_view *view, const struct process_filter *filter,
	struct process_seen **ret);
void processes_free(struct process_seen *list, int n);

#endif
