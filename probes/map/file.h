/* SPDX-License-Identifier: Apache-2.0 */
/* The map's file: taken over or made, and looked for. */
#ifndef MAP_FILE_H
#define MAP_FILE_H

#include <pelorus/map.h>

#include <sys/types.h>

struct map_file {
	int dirfd;
	mode_t mode;
	struct pel_map *map; /* NULL: there is none yet */
	dev_t dev;
	ino_t ino;
};

/* Maps what is there, if it is ours and whole; -ENOENT for anything else, -errno. */
int map_file_reuse(struct map_file *f);

/* A new one by a name that no reader knows; all of its pages are there.  0 or -errno. */
int map_file_make(struct map_file *f, char ret_name[static 64]);

/* Whether the path leads to it. */
bool map_file_is_there(const struct map_file *f);

#endif
