/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is held by hand, and since when a writer is awaited, in clusters that the map has no record of
 * now: an earlier prober's, or those that nobody follows at the moment.  It is asked when such a
 * cluster is followed again.
 */
#ifndef MAP_HELD_H
#define MAP_HELD_H

#include <pelorus/map.h>

struct map_held;

#define MAP_HELD_AWAITED_NS PEL_HOLD_MAX_NS /* nobody awaits a writer for longer */

/*
 * Notes whom the record holds by hand, if anybody, and since when its writer is missed or, by
 * `now_ns`, was known last, in place of what was noted under its names.
 */
void map_held_keep(struct map_held **list, const struct pel_hot *hot, const struct pel_cold *cold,
	uint64_t now_ns);

/*
 * The ids that were noted under a name, and since when a writer is awaited, or 0, which are then
 * forgotten.  Their number.
 */
unsigned map_held_take(struct map_held **list, const char *name,
	char ret[static PEL_MAP_INSTANCES][PEL_ID_MAX], uint64_t *ret_awaited_ns);

void map_held_free(struct map_held **list);

#endif
