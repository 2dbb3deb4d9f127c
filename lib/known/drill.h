/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drill: the map's word that idle connections are to end once (`pelorus drill close`, `pelorus reader
 * drain`), and whose they are.  The library and the trap ask alike.
 */
#ifndef PELORUS_LIB_KNOWN_DRILL_H
#define PELORUS_LIB_KNOWN_DRILL_H

#include "followed.h"
#include "rules/sever.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

/* The word as last obeyed. */
struct drill {
	const struct pel_map *map;
	uint32_t word;
};

/*
 * True if it has moved and means this process: each word is obeyed once, by those who were there when it
 * moved.  *ret_of is the instance that it is of alone; 0: all.
 */
bool drill_is_begun(struct drill *d, const struct pel_map *map, uint64_t *ret_of);

/*
 * Whether it is of a socket, which asked for that port by those families, if that is idle: any that is
 * led; of one instance alone, if a reader's name led there and leads elsewhere now.
 */
bool drill_is_of(struct followed *f, const struct sever_socket *s, uint16_t families, uint16_t port,
	uint64_t of);

#endif
