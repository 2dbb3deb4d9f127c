/* SPDX-License-Identifier: Apache-2.0 */
/* The map's writer, seen through the reader: publication, takeover, replacement, damage. */
#include "map/write.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define NOW (1000 * S)

static const struct map_write_options options = {.mode = 0600,
	.vnet4 = PEL_VNET4,
	.vnet4_bits = 16,
	.vnet6_bits = 48,
	.vnet6 = PEL_VNET6};

struct place {
	char path[64];
	int fd;
	struct map_write *w;
	const struct pel_map *map;
};

static int place_open(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/pelorus-test-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
	assert_true(p->fd >= 0);
	assert_int_equal(map_write_open(p->fd, &options, NOW, &p->w), 0);
	assert_int_equal(pel_map_attach(p->fd, &p->map), 0);
	*state = p;
	return 0;
}

static int place_close(void **state)
{
	struct place *p = *state;

	map_write_close(p->w, true);
	pel_map_detach(p->map);
	(void)unlinkat(p->fd, PEL_MAP_FILE, 0);
	(void)close(p->fd);
	assert_int_equal(rmdir(p->path), 0);
	free(p);
	return 0;
}

static void fill(struct pel_hot *hot, struct pel_cold *cold, const char *const *names, unsigned n)
{
	memset(cold, 0, sizeof(*cold));
	*hot = (struct pel_hot){.state = PEL_STATE_KNOWN, .n_instances = 1, .port = 3306};
	hot->instances[0].role = PEL_ROLE_WRITER;
	hot->n_names = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		hot->names[i].hash = pel_name_hash(names[i]);
		hot->names[i].role = PEL_ROLE_WRITER;
		strcpy(cold->names[i], names[i]);
	}
	strcpy(cold->instances[0].id, "demo-1");
}

static void publish_name(struct place *p, unsigned cluster, const char *name, unsigned changes)
{
	struct pel_hot hot;
	struct pel_cold cold;

	fill(&hot, &cold, &name, 1);
	map_write_publish(p->w, cluster, &hot, &cold, changes);
}

static int find(const struct pel_map *map, const char *name, struct pel_ref *ret)
{
	return pel_map_find(map, name, pel_name_hash(name), ret);
}

static void what_is_published_is_read(void **state)
{
	struct place *p = *state;
	struct pel_ref ref;
	struct pel_hot hot;
	struct pel_cold cold;
	int c = map_write_take(p->w, NOW);

	assert_true(c >= 0);
	assert_int_equal(pel_map_read_hot(p->map, (unsigned)c, &hot), 0);
	assert_int_equal(hot.state, PEL_STATE_UNKNOWN);
	assert_int_equal(hot.why, PEL_WHY_STARTING);
	publish_name(p, (unsigned)c, "demo.example", MAP_CHANGE_WAKE | MAP_CHANGE_FIRST);
	assert_int_equal(find(p->map, "demo.example", &ref), 0);
	assert_int_equal(ref.cluster, c);
	assert_int_equal(pel_map_read_all(p->map, ref.cluster, &hot, &cold), 0);
	assert_int_equal(hot.state, PEL_STATE_KNOWN);
	assert_true(hot.uid == ref.uid);
	assert_string_equal(cold.instances[0].id, "demo-1");
	assert_int_equal(find(p->map, "other.example", &ref), -ENOENT);
}

static void words_move_only_for_what_they_stand_for(void **state)
{
	static const struct {
		unsigned changes, wake, first, generation, epoch;
	} cases[] = {
		{0, 0, 0, 0, 0},
		{MAP_CHANGE_EPOCH, 0, 0, 0, 1},
		{MAP_CHANGE_WAKE, 1, 0, 1, 1},
		{MAP_CHANGE_FIRST, 0, 1, 0, 1},
		{MAP_CHANGE_WAKE | MAP_CHANGE_FIRST | MAP_CHANGE_EPOCH, 1, 1, 1, 1},
	};
	struct place *p = *state;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned wake = p->map->header.wake, first = p->map->header.first;
		struct pel_hot before, after;

		assert_int_equal(pel_map_read_hot(p->map, c, &before), 0);
		publish_name(p, c, "demo.example", cases[i].changes);
		assert_int_equal(pel_map_read_hot(p->map, c, &after), 0);
		assert_int_equal(p->map->header.wake - wake, cases[i].wake);
		assert_int_equal(p->map->header.first - first, cases[i].first);
		assert_int_equal(after.generation - before.generation, cases[i].generation);
		assert_int_equal(after.epoch - before.epoch, cases[i].epoch);
		assert_int_equal(pel_map_generation(p->map, c), after.generation);
	}
}

static void every_name_of_every_cluster_is_found(void **state)
{
	struct place *p = *state;
	char text[PEL_MAP_NAMES][PEL_NAME_MAX];
	const char *names[PEL_MAP_NAMES];
	struct pel_hot hot;
	struct pel_cold cold;
	struct pel_ref ref;

	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		assert_int_equal(map_write_take(p->w, NOW), c);
		for (unsigned n = 0; n < PEL_MAP_NAMES; n++) {
			snprintf(text[n], sizeof(text[n]), "name-%u.cluster-%u.example", n, c);
			names[n] = text[n];
		}
		fill(&hot, &cold, names, PEL_MAP_NAMES);
		map_write_publish(p->w, c, &hot, &cold, MAP_CHANGE_EPOCH);
	}
	assert_int_equal(map_write_take(p->w, NOW), -ENOSPC);
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		for (unsigned n = 0; n < PEL_MAP_NAMES; n++) {
			snprintf(text[0], sizeof(text[0]), "name-%u.cluster-%u.example", n, c);
			assert_int_equal(find(p->map, text[0], &ref), 0);
			assert_int_equal(ref.cluster, c);
			assert_int_equal(ref.name, n);
		}
	}
}

static bool is_hash(const void *context, uint64_t hash)
{
	return hash == *(const uint64_t *)context;
}

static bool is_odd(const void *context, uint64_t hash)
{
	return hash & 1;
}

/* It costs whoever asks for a hash that nobody has no look at any record. */
static void a_name_is_found_by_what_only_its_hash_tells(void **state)
{
	struct place *p = *state;
	const uint64_t hash = pel_name_hash("b.example"), none = 4711;
	void *records = (void *)(uintptr_t)p->map->clusters;
	char text[PEL_NAME_MAX] = "";

	for (char name[] = "a.example"; *name < 'g'; ++*name)
		publish_name(p, (unsigned)map_write_take(p->w, NOW), name, MAP_CHANGE_EPOCH);
	assert_int_equal(pel_map_find_hash(p->map, is_hash, &hash, text), 0);
	assert_string_equal(text, "b.example");
	assert_int_equal(mprotect(records, sizeof(p->map->clusters), PROT_NONE), 0);
	assert_int_equal(pel_map_find_hash(p->map, is_hash, &none, text), -ENOENT);
	assert_int_equal(pel_map_find_hash(p->map, is_odd, NULL, text), -ENOENT);
	assert_string_equal(text, "b.example");
	assert_int_equal(mprotect(records, sizeof(p->map->clusters), PROT_READ), 0);
}

static void a_released_record_is_free_and_never_comes_back_under_its_uid(void **state)
{
	struct place *p = *state;
	struct pel_ref ref, again;
	struct pel_hot hot;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_name(p, c, "demo.example", 0);
	assert_int_equal(find(p->map, "demo.example", &ref), 0);
	map_write_release(p->w, c);
	assert_int_equal(find(p->map, "demo.example", &again), -ENOENT);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -ENOENT);
	assert_int_equal(map_write_take(p->w, NOW), c);
	publish_name(p, c, "demo.example", 0);
	assert_int_equal(find(p->map, "demo.example", &again), 0);
	assert_true(again.uid != ref.uid);
}

/* Ends the writer as SIGKILL does: the file stays as it is, its heartbeat stops. */
static void die(struct place *p)
{
	map_write_close(p->w, false);
	p->w = NULL;
}

static void a_successor_keeps_what_a_young_map_says(void **state)
{
	struct place *p = *state;
	struct pel_ref before, after;
	struct pel_hot hot;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_name(p, c, "demo.example", MAP_CHANGE_WAKE);
	assert_int_equal(find(p->map, "demo.example", &before), 0);
	die(p);
	assert_int_equal(map_write_open(p->fd, &options, NOW + S, &p->w), 0);
	assert_true(pel_map_is_fresh(p->map, NOW + 5 * S));
	assert_true(pel_map_is_fresh(p->map, NOW));
	assert_false(pel_map_is_fresh(p->map, NOW - 1));
	assert_int_equal(find(p->map, "demo.example", &after), 0);
	assert_true(before.uid == after.uid);
	assert_int_equal(map_write_claim(p->w, "other.example"), -ENOENT);
	assert_int_equal(map_write_claim(p->w, "demo.example"), c);
	assert_int_equal(map_write_claim(p->w, "demo.example"), -ENOENT);
	map_write_drop_unclaimed(p->w);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), 0);
}

static void a_successor_drops_what_nobody_claims(void **state)
{
	struct place *p = *state;
	struct pel_hot hot;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_name(p, c, "demo.example", MAP_CHANGE_WAKE);
	die(p);
	assert_int_equal(map_write_open(p->fd, &options, NOW + S, &p->w), 0);
	map_write_drop_unclaimed(p->w);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -ENOENT);
}

static void a_stale_map_is_used_again_but_not_believed(void **state)
{
	struct place *p = *state;
	struct pel_hot hot;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_name(p, c, "demo.example", MAP_CHANGE_WAKE);
	die(p);
	assert_false(pel_map_is_fresh(p->map, NOW + 6 * S));
	assert_int_equal(map_write_open(p->fd, &options, NOW + 6 * S, &p->w), 0);
	assert_true(pel_map_is_fresh(p->map, NOW + 6 * S));
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -ENOENT);
	assert_int_equal(map_write_claim(p->w, "demo.example"), -ENOENT);
}

static void publish_held(struct place *p, unsigned cluster, const char *name, bool held)
{
	struct pel_hot hot;
	struct pel_cold cold;

	fill(&hot, &cold, &name, 1);
	hot.instances[0].flags = held ? PEL_INST_BY_HAND : 0;
	map_write_publish(p->w, cluster, &hot, &cold, 0);
}

static void a_stale_map_tells_who_was_held_by_hand(void **state)
{
	struct place *p = *state;
	char ids[PEL_MAP_INSTANCES][PEL_ID_MAX];
	uint64_t awaited_ns;
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_held(p, c, "demo.example", true);
	publish_held(p, (unsigned)map_write_take(p->w, NOW), "free.example", false);
	map_write_close(p->w, true);
	assert_int_equal(map_write_open(p->fd, &options, NOW + 600 * S, &p->w), 0);
	assert_int_equal(map_write_held(p->w, "free.example", ids, &awaited_ns), 0);
	assert_int_equal(map_write_held(p->w, "demo.example", ids, &awaited_ns), 1);
	assert_string_equal(ids[0], "demo-1");
	assert_int_equal(map_write_held(p->w, "demo.example", ids, &awaited_ns), 0);
}

static void a_released_record_leaves_who_was_held_last(void **state)
{
	struct place *p = *state;
	char ids[PEL_MAP_INSTANCES][PEL_ID_MAX];
	uint64_t awaited_ns;

	for (int held = 1; held >= 0; held--) {
		unsigned c = (unsigned)map_write_take(p->w, NOW);

		publish_held(p, c, "demo.example", held);
		map_write_release(p->w, c);
	}
	assert_int_equal(map_write_held(p->w, "demo.example", ids, &awaited_ns), 0);
	publish_held(p, (unsigned)map_write_take(p->w, NOW), "demo.example", true);
	map_write_release(p->w, 0);
	assert_int_equal(map_write_held(p->w, "demo.example", ids, &awaited_ns), 1);
}

static void a_released_record_leaves_since_when_its_writer_is_awaited(void **state)
{
	static const struct {
		enum pel_state state;
		uint8_t writer;
		uint64_t writerless_ns, expected_ns;
	} rows[] = {
		{PEL_STATE_KNOWN, 0, 0, NOW + 5 * S},
		{PEL_STATE_WRITERLESS, PEL_NONE, NOW + 2 * S, NOW + 2 * S},
		{PEL_STATE_KNOWN, PEL_NONE, 0, 0},
		{PEL_STATE_UNKNOWN, PEL_NONE, 0, 0},
	};
	const char *name = "demo.example";
	char ids[PEL_MAP_INSTANCES][PEL_ID_MAX];
	struct place *p = *state;
	uint64_t awaited_ns;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned c = (unsigned)map_write_take(p->w, NOW);
		struct pel_hot hot;
		struct pel_cold cold;

		fill(&hot, &cold, &name, 1);
		hot.state = (uint8_t)rows[i].state;
		hot.writer = rows[i].writer;
		hot.writerless_ns = rows[i].writerless_ns;
		map_write_publish(p->w, c, &hot, &cold, 0);
		(void)map_write_beat(p->w, NOW + 5 * S);
		map_write_release(p->w, c);
		(void)map_write_held(p->w, name, ids, &awaited_ns);
		assert_int_equal(awaited_ns, rows[i].expected_ns);
	}
}

static void a_record_left_half_written_is_freed_and_usable(void **state)
{
	struct place *p = *state;
	struct pel_map *raw;
	struct pel_hot hot;
	int fd = openat(p->fd, PEL_MAP_FILE, O_RDWR);
	unsigned c = (unsigned)map_write_take(p->w, NOW);

	publish_name(p, c, "demo.example", 0);
	die(p);
	raw = mmap(NULL, sizeof(*raw), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(raw != MAP_FAILED);
	raw->clusters[c].seq |= 1;
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -EAGAIN);
	assert_int_equal(map_write_open(p->fd, &options, NOW + S, &p->w), 0);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -ENOENT);
	c = (unsigned)map_write_take(p->w, NOW + S);
	publish_name(p, c, "demo.example", 0);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), 0);
	munmap(raw, sizeof(*raw));
	(void)close(fd);
}

static void deleted(struct place *p)
{
	assert_int_equal(unlinkat(p->fd, PEL_MAP_FILE, 0), 0);
}

static void replaced(struct place *p)
{
	int fd;

	deleted(p);
	fd = openat(p->fd, PEL_MAP_FILE, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 100), 0);
	(void)close(fd);
}

static void linked_elsewhere(struct place *p)
{
	deleted(p);
	assert_int_equal(symlinkat("/etc/passwd", p->fd, PEL_MAP_FILE), 0);
}

static void a_map_that_was_taken_away_is_published_anew(void **state)
{
	static void (*const ways[])(struct place *) = {deleted, replaced, linked_elsewhere};
	struct place *p = *state;
	unsigned c = (unsigned)map_write_take(p->w, NOW);
	uint64_t now = NOW;

	publish_name(p, c, "demo.example", 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		const struct pel_map *old = p->map;
		unsigned wake = old->header.wake;
		struct pel_ref ref;

		ways[i](p);
		assert_int_equal(map_write_beat(p->w, now + S / 2), 0);
		now += S;
		assert_int_equal(map_write_beat(p->w, now), 1);
		assert_false(pel_map_is_fresh(old, now));
		assert_true(old->header.wake != wake);
		assert_int_equal(pel_map_attach(p->fd, &p->map), 0);
		pel_map_detach(old);
		assert_true(pel_map_is_fresh(p->map, now));
		assert_int_equal(find(p->map, "demo.example", &ref), 0);
	}
}

static void a_file_that_is_no_map_is_replaced_not_written_to(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	int fd;

	map_write_close(p->w, true);
	fd = openat(p->fd, PEL_MAP_FILE, O_RDWR);
	assert_int_equal(pwrite(fd, "garbage!", 8, 0), 8);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(map_write_open(p->fd, &options, NOW, &p->w), 0);
	assert_int_equal(fstatat(p->fd, PEL_MAP_FILE, &after, 0), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(after.st_size, sizeof(struct pel_map));
	(void)close(fd);
}

static void an_orderly_end_is_seen_at_once(void **state)
{
	struct place *p = *state;

	assert_true(pel_map_is_fresh(p->map, NOW));
	map_write_close(p->w, true);
	p->w = NULL;
	assert_false(pel_map_is_fresh(p->map, NOW));
}

/* Of another prober's ports nobody knows who has them now. */
static void ports_are_those_of_the_prober_that_lives(void **state)
{
	struct map_write_options others = options;
	struct place *p = *state;

	assert_int_equal(p->map->header.park4, 0);
	map_write_close(p->w, false);
	others.park4 = 4001;
	others.park6 = 4002;
	assert_int_equal(map_write_open(p->fd, &others, NOW, &p->w), 0);
	assert_int_equal(p->map->header.park4, 4001);
	assert_int_equal(p->map->header.park6, 4002);
	map_write_close(p->w, false);
	assert_int_equal(p->map->header.park4, 4001);
	others.park4 = 4003;
	assert_int_equal(map_write_open(p->fd, &others, NOW, &p->w), 0);
	assert_int_equal(p->map->header.park4, 4003);
	map_write_close(p->w, true);
	p->w = NULL;
	assert_int_equal(p->map->header.park4, 0);
	assert_int_equal(p->map->header.park6, 0);
}

static void a_crowd_is_told_to_nobody_and_stays(void **state)
{
	struct place *p = *state;
	const struct pel_map_header *h = &p->map->header;
	uint32_t wake = h->wake;

	map_write_crowd(p->w, 5000);
	assert_int_equal(h->crowd, 5000);
	map_write_crowd(p->w, UINT64_C(1) << 40);
	assert_true(h->crowd == UINT32_MAX);
	assert_int_equal(h->wake, wake);
	map_write_crowd(p->w, 7);
	map_write_close(p->w, false);
	assert_int_equal(map_write_open(p->fd, &options, NOW + S, &p->w), 0);
	assert_int_equal(h->crowd, 7); /* until the new worker has counted */
	map_write_crowd(p->w, 9);
	assert_int_equal(unlinkat(p->fd, PEL_MAP_FILE, 0), 0);
	assert_int_equal(map_write_beat(p->w, NOW + 3 * S), 1);
	pel_map_detach(p->map);
	assert_int_equal(pel_map_attach(p->fd, &p->map), 0);
	assert_int_equal(p->map->header.crowd, 9);
}

static void a_mode_wakes_outlives_the_writer_and_ends_with_its_record(void **state)
{
	struct place *p = *state;
	unsigned c = (unsigned)map_write_take(p->w, NOW), other;
	uint64_t generation;
	uint32_t wake;

	publish_name(p, c, "demo.example", MAP_CHANGE_WAKE);
	other = (unsigned)map_write_take(p->w, NOW);
	generation = pel_map_generation(p->map, c);
	wake = p->map->header.wake;
	map_write_mode(p->w, c, PEL_MODE_OFF);
	assert_int_equal(pel_map_mode(p->map, c), PEL_MODE_OFF);
	assert_int_equal(pel_map_mode(p->map, other), PEL_MODE_ACTIVE);
	assert_true(pel_map_generation(p->map, c) > generation && p->map->header.wake != wake);
	wake = p->map->header.wake;
	map_write_mode(p->w, c, PEL_MODE_OFF);
	assert_int_equal(p->map->header.wake, wake);
	map_write_mode(p->w, PEL_MAP_CLUSTERS, PEL_MODE_OBSERVE);
	assert_int_equal(pel_map_mode(p->map, c), PEL_MODE_OFF);
	assert_int_equal(pel_map_mode(p->map, other), PEL_MODE_OBSERVE);
	assert_int_equal(pel_map_mode(p->map, PEL_MAP_CLUSTERS), PEL_MODE_OBSERVE);
	map_write_close(p->w, false);
	assert_int_equal(map_write_open(p->fd, &options, NOW + S, &p->w), 0);
	assert_int_equal(pel_map_mode(p->map, c), PEL_MODE_OFF);
	assert_int_equal(unlinkat(p->fd, PEL_MAP_FILE, 0), 0);
	assert_int_equal(map_write_beat(p->w, NOW + 3 * S), 1);
	pel_map_detach(p->map);
	assert_int_equal(pel_map_attach(p->fd, &p->map), 0);
	assert_int_equal(pel_map_mode(p->map, c), PEL_MODE_OFF);
	map_write_mode(p->w, PEL_MAP_CLUSTERS, PEL_MODE_ACTIVE);
	map_write_drop_unclaimed(p->w);
	assert_int_equal(map_write_take(p->w, NOW + 4 * S), c);
	assert_int_equal(pel_map_mode(p->map, c), PEL_MODE_ACTIVE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_published_is_read),
		CASE(words_move_only_for_what_they_stand_for),
		CASE(every_name_of_every_cluster_is_found),
		CASE(a_name_is_found_by_what_only_its_hash_tells),
		CASE(a_released_record_is_free_and_never_comes_back_under_its_uid),
		CASE(a_successor_keeps_what_a_young_map_says),
		CASE(a_successor_drops_what_nobody_claims),
		CASE(a_stale_map_is_used_again_but_not_believed),
		CASE(a_stale_map_tells_who_was_held_by_hand),
		CASE(a_released_record_leaves_who_was_held_last),
		CASE(a_released_record_leaves_since_when_its_writer_is_awaited),
		CASE(a_record_left_half_written_is_freed_and_usable),
		CASE(a_map_that_was_taken_away_is_published_anew),
		CASE(a_file_that_is_no_map_is_replaced_not_written_to),
		CASE(an_orderly_end_is_seen_at_once),
		CASE(ports_are_those_of_the_prober_that_lives),
		CASE(a_crowd_is_told_to_nobody_and_stays),
		CASE(a_mode_wakes_outlives_the_writer_and_ends_with_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
