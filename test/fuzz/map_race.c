/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer, eight readers, argv[1] updates: no copy may be torn.
 *
 * Built with the thread sanitizer.  All threads use the writer's own mapping, for the sanitizer knows
 * memory by its address.  Each update fills every field with values that follow from one number.
 */
#include "map/write.c"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#define READERS 8
#define NAME "demo.example"

static struct pel_map *map;
static atomic_bool over;
static atomic_ulong copies, torn, retried;

static void fill(struct pel_hot *hot, struct pel_cold *cold, uint64_t n)
{
	*hot = (struct pel_hot){.state = PEL_STATE_KNOWN,
		.writer = 0,
		.n_instances = 32,
		.n_names = 1,
		.verified_ns = n,
		.port = (uint16_t)n};
	hot->names[0].hash = pel_name_hash(NAME);
	strcpy(cold->names[0], NAME);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		hot->instances[i].evidence_ns = n + i;
		hot->instances[i].identity = ~n;
		memset(cold->instances[i].uuid, 'a' + (int)(n % 26), 36);
	}
}

static bool is_whole(const struct pel_hot *hot, const struct pel_cold *cold)
{
	uint64_t n = hot->verified_ns;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const char *uuid = cold->instances[i].uuid;

		if (hot->instances[i].evidence_ns != n + i || hot->instances[i].identity != ~n ||
			uuid[0] != 'a' + (int)(n % 26) || uuid[35] != uuid[0])
			return false;
	}
	return hot->port == (uint16_t)n;
}

static void *reader(void *arg)
{
	struct pel_hot hot;
	struct pel_cold cold;
	struct pel_ref ref;

	while (!atomic_load(&over)) {
		int r = pel_map_find(map, NAME, pel_name_hash(NAME), &ref);

		if (r == 0)
			r = pel_map_read_all(map, ref.cluster, &hot, &cold);
		if (r == 0)
			atomic_fetch_add(is_whole(&hot, &cold) ? &copies : &torn, 1);
		else
			atomic_fetch_add(&retried, 1);
		sched_yield();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct map_write_options options = {.mode = 0600};
	unsigned long updates = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	pthread_t threads[READERS];
	struct map_write *w;
	struct pel_hot hot;
	struct pel_cold cold = {0};
	int c, dirfd = open(argc > 2 ? argv[2] : ".", O_RDONLY | O_DIRECTORY);

	if (map_write_open(dirfd, &options, 1, &w) < 0)
		return 2;
	map = w->file.map;
	c = map_write_take(w, 1);
	fill(&hot, &cold, 0);
	map_write_publish(w, (unsigned)c, &hot, &cold, MAP_CHANGE_WAKE);
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, reader, NULL);
	for (unsigned long n = 1; n <= updates; n++) {
		fill(&hot, &cold, n);
		map_write_publish(w, (unsigned)c, &hot, &cold, n % 64 ? 0 : MAP_CHANGE_WAKE);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	printf("%lu updates, %lu whole copies, %lu given up, %lu torn\n", updates,
		atomic_load(&copies), atomic_load(&retried), atomic_load(&torn));
	map_write_close(w, true);
	return atomic_load(&torn) == 0 && atomic_load(&copies) > 0 ? 0 : 1;
}
