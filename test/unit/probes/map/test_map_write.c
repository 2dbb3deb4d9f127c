/* SPDX-License-Identifier: Apache-2.0 */
/* The map's writer, seen through the reader: what is published. */
#include "place.h"

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
			assert_int_equal(map_write_find(p->w, pel_name_hash(text[0])), c);
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
	assert_int_equal(map_write_find(p->w, pel_name_hash("demo.example")), c);
	map_write_release(p->w, c);
	assert_int_equal(map_write_find(p->w, pel_name_hash("demo.example")), -ENOENT);
	assert_int_equal(find(p->map, "demo.example", &again), -ENOENT);
	assert_int_equal(pel_map_read_hot(p->map, c, &hot), -ENOENT);
	assert_int_equal(map_write_take(p->w, NOW), c);
	publish_name(p, c, "demo.example", 0);
	assert_int_equal(find(p->map, "demo.example", &again), 0);
	assert_true(again.uid != ref.uid);
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
		CASE(a_crowd_is_told_to_nobody_and_stays),
		CASE(a_mode_wakes_outlives_the_writer_and_ends_with_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
