/* SPDX-License-Identifier: Apache-2.0 */
/* attach DIRECTORY: ends with the errno of attaching to the map there; 0 if there is one. */
#include "pelorus/map.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	const struct pel_map *map;

	return argc == 2 ? -pel_map_attach(open(argv[1], O_RDONLY | O_DIRECTORY), &map) : 2;
}
