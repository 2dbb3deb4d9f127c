/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the instances of a global database live, by region: `global-regions` is a list of patterns, as
 * `host-pattern` is one.  A pattern tells its region by the form of Aurora's hosts, or by [REGION]
 * before it.  What has no pattern is out of reach.
 */
#ifndef CONFIG_REGIONS_H
#define CONFIG_REGIONS_H

#include <pelorus/map.h>

#include <stdbool.h>

#define CONFIG_REGION_MAX 32

/* Whether all patterns of a list are good, and each has a region of its own; an empty one is not. */
bool config_regions_are_good(const char *list);

/* The host of an instance in a region.  0, or -ENOENT: the region has no pattern. */
int config_region_host(const char *list, const char *region, const char *id,
	char ret[static PEL_NAME_MAX]);

#endif
