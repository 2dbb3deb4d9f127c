/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map as this process sees it: looked for when it is needed, looked for again, at most every
 * MAPVIEW_RETRY_NS, while there is none or its heartbeat is overdue.
 *
 * A map that was attached stays mapped for ever, for another thread may be reading it.  One of
 * another network namespace is none, unless the directory was named explicitly.
 */
#ifndef PELORUS_LIB_KNOWN_MAPVIEW_H
#define PELORUS_LIB_KNOWN_MAPVIEW_H

#include "common/rundir.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define MAPVIEW_RETRY_NS UINT64_C(100000000)
#define MAPVIEW_OVERDUE_NS UINT64_C(1250000000) /* a prober that lives beats each second */

/* The newest map, which may be stale (mapview_is_fresh()), or NULL. */
const struct pel_map *mapview_get(uint64_t now_ns);

/* The same, but looks at the path now if the map is not fresh. */
const struct pel_map *mapview_look(uint64_t now_ns);

/* The wake word of the map that was attached last, 0 without one: for a look that may cost nothing. */
uint32_t mapview_word(void);

/*
 * True if there is a map and its prober lives, for all that is known here: by the heartbeat, and
 * while that is overdue by the control socket.
 */
bool mapview_is_fresh(const struct pel_map *map, uint64_t now_ns);

/* Whether addresses of this host mean the same to its prober and to us. */
bool mapview_is_of_our_netns(const struct pel_map *map);

/* The runtime directory of this euid, opened and trusted; a descriptor or -errno. */
int mapview_open_dir(struct pel_rundir *ret, bool create);

/*
 * Where a name stands, and what routing needs of its cluster: 0, or -ENOENT, -EAGAIN, -EPROTO.
 * A map of NULL is -ENOENT.
 */
int mapview_read(const struct pel_map *map, const char *name, uint64_t hash,
	struct pel_ref *ret_ref, struct pel_hot *ret_hot);

/* The name of which an address is the virtual one, from the map alone; false if none or several. */
bool mapview_name_of(const struct pel_map *map, const struct pel_addr *addr,
	char ret_name[static PEL_NAME_MAX]);

#endif
