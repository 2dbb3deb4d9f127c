/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the map's reader: a good map with bytes of the input laid over it, at places that the input
 * chooses.  Whatever the reader accepts has to keep the promises of <pelorus/map.h>.
 *
 * A patch is four bytes of place, one of length, and the bytes; places are folded so that half of
 * them fall into the first record and the index.
 */
#include <pelorus/map.h>
#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define NAME "demo.cluster-abc.us-east-1.rds.amazonaws.com"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pel_map map, good;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void make_good(void)
{
	struct pel_map_cluster *c = &good.clusters[0];
	uint64_t hash = pel_name_hash(NAME);
	struct pel_map_entry *e = &good.index[hash & (PEL_MAP_INDEX - 1)];

	good.header.magic = PEL_MAP_MAGIC;
	good.header.heartbeat_ns = 1;
	*e = (struct pel_map_entry){.hash = hash};
	c->seq = 2;
	c->hot = (struct pel_hot){.uid = 7,
		.generation = 1,
		.state = PEL_STATE_KNOWN,
		.n_instances = 3,
		.n_names = 1};
	c->hot.names[0].hash = hash;
	strcpy(c->cold.names[0], NAME);
	strcpy(c->cold.instances[0].id, "demo-1");
	map = good;
}

static size_t place(const uint8_t *bytes)
{
	uint32_t at = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		(uint32_t)bytes[2] << 8 | bytes[3];

	if (at & 1)
		return (at >> 1) %
			(offsetof(struct pel_map, clusters) + sizeof(struct pel_map_cluster));
	return (at >> 1) % sizeof(map);
}

/* Lays the patches of the input over the map, or takes them away again. */
static void patch(const uint8_t *data, size_t size, bool lay)
{
	while (size >= 5) {
		size_t at = place(data), n = data[4];

		data += 5;
		size -= 5;
		n = n < size ? n : size;
		n = n < sizeof(map) - at ? n : sizeof(map) - at;
		memcpy((uint8_t *)&map + at, lay ? data : (const uint8_t *)&good + at, n);
		data += n;
		size -= n;
	}
}

static void check_record(const struct pel_hot *hot, const struct pel_cold *cold)
{
	check(hot->state > PEL_STATE_FREE && hot->state <= PEL_STATE_WRITERLESS);
	check(hot->n_instances <= PEL_MAP_INSTANCES && hot->n_names <= PEL_MAP_NAMES);
	check(hot->state == PEL_STATE_KNOWN || hot->writer == PEL_NONE);
	for (unsigned i = 0; i < hot->n_names; i++)
		check(hot->names[i].n_addrs <= PEL_MAP_ADDRS &&
			hot->names[i].role <= PEL_ROLE_CUSTOM);
	for (unsigned i = 0; i < hot->n_instances; i++)
		check(hot->instances[i].health <= PEL_HEALTH_UNREACHABLE &&
			hot->instances[i].role <= PEL_ROLE_WRITER);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		check(strnlen(cold->instances[i].host, PEL_NAME_MAX) < PEL_NAME_MAX &&
			strnlen(cold->instances[i].id, PEL_ID_MAX) < PEL_ID_MAX);
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++)
		check(strnlen(cold->names[i], PEL_NAME_MAX) < PEL_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pel_hot hot;
	struct pel_cold cold;
	struct pel_ref ref;

	if (!good.header.magic)
		make_good();
	patch(data, size, true);
	for (unsigned i = 0; i <= PEL_MAP_CLUSTERS; i += PEL_MAP_CLUSTERS / 2) {
		if (pel_map_read_all(&map, i, &hot, &cold) == 0)
			check_record(&hot, &cold);
	}
	if (pel_map_find(&map, NAME, pel_name_hash(NAME), &ref) == 0) {
		check(ref.uid != 0 && ref.cluster < PEL_MAP_CLUSTERS && ref.name < PEL_MAP_NAMES);
		check(memcmp(map.clusters[ref.cluster].cold.names[ref.name], NAME, sizeof(NAME)) ==
			0);
	}
	(void)pel_map_generation(&map, 0);
	(void)pel_map_is_fresh(&map, 1);
	patch(data, size, false);
	return 0;
}
