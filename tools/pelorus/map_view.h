/* SPDX-License-Identifier: Apache-2.0 */
/* The map of this user's prober, as a subcommand reads it. */
#ifndef MAP_VIEW_H
#define MAP_VIEW_H

#include "report.h"

#include <pelorus/slots.h>

#include <sys/types.h>

struct map_view {
	const struct pel_map *map;
	int dirfd;
};

/* 0; -ESTALE: the prober of this map is gone; -ENOENT: there is none; -errno. */
int map_view_open(struct map_view *ret);
void map_view_close(struct map_view *view);

/* The cluster that a name leads to (any spelling).  0, -ENOENT, -EINVAL, -EAGAIN. */
int map_view_find(const struct map_view *view, const char *name, struct report *ret);

/* What routing reads of it.  0, -ENOENT, -EINVAL, -EAGAIN. */
int map_view_hot(const struct map_view *view, const char *name, struct pel_ref *ret_ref,
	struct pel_hot *ret_hot);

/* The sentence for an error of map_view_open(); the exit status for `command`. */
int map_view_fail(const char *command, int error);

/* All clusters: how many there are. */
unsigned map_view_all(const struct map_view *view, struct report ret[static PEL_MAP_CLUSTERS]);

/*
 * One look: all clusters, or that which `name` leads to.  How many there are, -ENOMEM, or an error of
 * map_view_open(); *ret is to be freed in any case.
 */
int map_view_reports(const char *name, struct report **ret);

/* What a process tells of itself. */
struct slot_seen {
	struct pel_slot slot;
	struct pel_slot_more more; /* all zero where it does not tell it */
	char command[17];          /* harmless to a terminal, and in JSON */
};

/*
 * All that tell of themselves, or those of this pid: there may be one in each container.  To be freed
 * in any case.  How many; -ENOENT: it cannot be read; -ENOMEM.
 */
int map_view_slots(const struct map_view *view, pid_t only, struct slot_seen **ret);

void slot_version_text(const struct slot_seen *s, char ret[static 16]);

/* How many processes of this host follow a name of that cluster, as they tell; below 0: nobody can say. */
int map_view_followers(const struct report *report);

/*
 * Sleeps until a first topology or the verdict that there is none is published, `seen` being what
 * map_view_first() gave before the caller looked; at most `ms`.
 */
uint32_t map_view_first(const struct map_view *view);
void map_view_sleep(const struct map_view *view, uint32_t seen, unsigned ms);

#endif
