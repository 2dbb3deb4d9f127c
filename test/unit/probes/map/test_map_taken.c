/* SPDX-License-Identifier: Apache-2.0 */
/* The map's writer, seen through the reader: takeover, replacement, damage. */
#include "place.h"

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

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
