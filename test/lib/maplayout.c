/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maplayout: prints where map.h puts what, as JSON, for readers that are not written in C.
 *
 *   {"hot_name": {"fields": {"role": [8, 1], ...}, "size": 216}, ...,
 *    "states": ["free", "unknown", ...], ..., "clusters": 64, ...}
 *
 * A field is its offset and its size in bytes.
 */
#include "pelorus/map.h"

#include "common/words.h"

#include <stdio.h>
#include <string.h>

#define FIELD(type, name)                                                                          \
	printf("\"" #name "\": [%zu, %zu], ", offsetof(struct type, name),                         \
		sizeof(((struct type *)0)->name))
#define STRUCT(name) printf("\"" name "\": {\"fields\": {")
#define END(type) printf("\"\": [0, 0]}, \"size\": %zu},\n", sizeof(struct type))

static void print_file(void)
{
	STRUCT("map");
	FIELD(pel_map, clusters);
	END(pel_map);
	STRUCT("header");
	FIELD(pel_map_header, start_ns);
	FIELD(pel_map_header, pid);
	FIELD(pel_map_header, heartbeat_ns);
	FIELD(pel_map_header, wake);
	FIELD(pel_map_header, park4);
	FIELD(pel_map_header, park6);
	FIELD(pel_map_header, crowd);
	END(pel_map_header);
	STRUCT("cluster");
	FIELD(pel_map_cluster, seq);
	FIELD(pel_map_cluster, hot);
	FIELD(pel_map_cluster, cold);
	END(pel_map_cluster);
}

static void print_hot(void)
{
	STRUCT("hot");
	FIELD(pel_hot, uid);
	FIELD(pel_hot, generation);
	FIELD(pel_hot, epoch);
	FIELD(pel_hot, writerless_ns);
	FIELD(pel_hot, verified_ns);
	FIELD(pel_hot, state);
	FIELD(pel_hot, why);
	FIELD(pel_hot, writer);
	FIELD(pel_hot, n_instances);
	FIELD(pel_hot, n_names);
	FIELD(pel_hot, dns_only);
	FIELD(pel_hot, port);
	FIELD(pel_hot, hold);
	FIELD(pel_hot, instances);
	FIELD(pel_hot, names);
	END(pel_hot);
}

static void print_instance(void)
{
	STRUCT("hot_instance");
	FIELD(pel_hot_instance, role);
	FIELD(pel_hot_instance, self_role);
	FIELD(pel_hot_instance, health);
	FIELD(pel_hot_instance, admission);
	FIELD(pel_hot_instance, flags);
	FIELD(pel_hot_instance, port);
	FIELD(pel_hot_instance, ip4);
	FIELD(pel_hot_instance, lag_ms);
	FIELD(pel_hot_instance, evidence_ns);
	FIELD(pel_hot_instance, warm_done);
	FIELD(pel_hot_instance, warm_total);
	END(pel_hot_instance);
	STRUCT("cold_instance");
	FIELD(pel_cold_instance, id);
	END(pel_cold_instance);
}

static void print_name(void)
{
	STRUCT("hot_name");
	FIELD(pel_hot_name, hash);
	FIELD(pel_hot_name, role);
	FIELD(pel_hot_name, n_addrs);
	FIELD(pel_hot_name, port);
	FIELD(pel_hot_name, members);
	FIELD(pel_hot_name, addrs);
	END(pel_hot_name);
	STRUCT("addr");
	FIELD(pel_addr, family);
	FIELD(pel_addr, ip);
	END(pel_addr);
}

static void print_cold(void)
{
	STRUCT("cold");
	FIELD(pel_cold, names);
	FIELD(pel_cold, instances);
	END(pel_cold);
}

/* The words of an enum, from 0 to the last that has one. */
static void print_words(const char *name, const char *(*word_of)(unsigned value))
{
	printf("\"%s\": [\"%s\"", name, word_of(0));
	for (unsigned i = 1; strcmp(word_of(i), "?") != 0; i++)
		printf(", \"%s\"", word_of(i));
	printf("],\n");
}

int main(void)
{
	printf("{");
	print_file();
	print_hot();
	print_instance();
	print_name();
	print_cold();
	print_words("states", pel_word_of_state);
	print_words("whys", pel_word_of_why);
	print_words("roles", pel_word_of_role);
	print_words("healths", pel_word_of_health);
	print_words("admissions", pel_word_of_admission);
	printf("\"clusters\": %d, \"name_max\": %d, \"routable\": %u, \"lagged\": %u, "
	       "\"elsewhere\": %u}\n",
		PEL_MAP_CLUSTERS, PEL_NAME_MAX, PEL_INST_ROUTABLE, PEL_INST_LAGGED,
		PEL_INST_ELSEWHERE);
	return 0;
}
