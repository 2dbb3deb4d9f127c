/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a prober alive and lets it end: kept requests, wanted names, clients' slots, its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/follows.h"
#include "process/keep.h"
#include "map/slots.h"
#include "process/station.h"

#include <pelorus/control.h>
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static unsigned keep_count(const struct keep *keep)
{
	size_t at = 0, n;
	unsigned count = 0;

	while (keep_next(keep, &at, &n))
		count++;
	return count;
}

static int keep_text(struct keep *keep, const char *text)
{
	return keep_add(keep, text, strlen(text));
}

static void a_request_is_kept_once(void **state)
{
	struct keep *keep = keep_new();

	assert_int_equal(keep_text(keep, "follow\nname=a\n"), 1);
	assert_int_equal(keep_text(keep, "follow\nname=a\n"), 0);
	assert_int_equal(keep_text(keep, "follow\nname=a\nuser=u\n"), 1);
	assert_int_equal(keep_text(keep, "follow\nname=b\n"), 1);
	assert_int_equal(keep_count(keep), 3);
	keep_free(keep);
}

static void a_forgotten_name_leaves_the_others(void **state)
{
	struct keep *keep = keep_new();
	size_t at = 0, n;
	const char *rest;

	keep_text(keep, "follow\nname=a\nuser=u\npassword=p\n");
	keep_text(keep, "follow\nname=ab\n");
	keep_text(keep, "follow\nname=a\n");
	assert_true(keep_has(keep, "a"));
	assert_false(keep_has(keep, "b"));
	keep_forget(keep, "a");
	assert_false(keep_has(keep, "a"));
	assert_int_equal(keep_count(keep), 1);
	rest = keep_next(keep, &at, &n);
	assert_int_equal(n, strlen("follow\nname=ab\n"));
	assert_memory_equal(rest, "follow\nname=ab\n", n);
	keep_forget(keep, "ab");
	assert_int_equal(keep_count(keep), 0);
	keep_free(keep);
}

static void one_request_is_dropped(void **state)
{
	static const char *const texts[] = {"follow\nname=a\nuser=u\npassword=old\n",
		"follow\nname=a\nuser=u\npassword=new\n", "follow\nname=a\n"};
	struct keep *keep = keep_new();
	size_t at = 0, n;

	for (unsigned i = 0; i < 3; i++)
		keep_text(keep, texts[i]);
	keep_drop(keep, texts[0], strlen(texts[0]));
	keep_drop(keep, texts[0], strlen(texts[0]));
	keep_drop(keep, texts[1], strlen(texts[1]) - 1);
	for (unsigned i = 1; i < 3; i++)
		assert_memory_equal(keep_next(keep, &at, &n), texts[i], strlen(texts[i]));
	assert_null(keep_next(keep, &at, &n));
	keep_free(keep);
}

static void what_is_kept_is_bounded(void **state)
{
	struct keep *keep = keep_new();
	char text[PEL_CONTROL_MAX + 1];
	unsigned kept = 0;

	memset(text, 'x', sizeof(text));
	assert_int_equal(keep_add(keep, text, PEL_CONTROL_MAX + 1), -ENOSPC);
	for (unsigned i = 0; i < 1000; i++) {
		(void)sprintf(text, "%u", i);
		kept += keep_add(keep, text, PEL_CONTROL_MAX) == 1;
	}
	assert_in_range(kept, 100, KEEP_SIZE / PEL_CONTROL_MAX);
	assert_int_equal(keep_count(keep), kept);
	keep_free(keep);
}

static void a_name_that_nobody_wants_expires(void **state)
{
	struct follows *f = follows_new();
	const uint64_t late = 10 * SECOND + FOLLOWS_UNWANTED_NS;

	assert_int_equal(follows_add(f, "a", false, 0), 0);
	assert_int_equal(follows_add(f, "b", false, 0), 0);
	assert_int_equal(follows_add(f, "c", true, 0), 0);
	follows_want(f, pel_name_hash("b"), 20 * SECOND);
	follows_want(f, pel_name_hash("not followed"), 20 * SECOND);
	assert_null(follows_expire(f, FOLLOWS_UNWANTED_NS - 1));
	assert_string_equal(follows_expire(f, late), "a");
	assert_null(follows_expire(f, late));
	assert_string_equal(follows_expire(f, late + 20 * SECOND), "b");
	assert_null(follows_expire(f, 100 * late));
	assert_true(follows_any_permanent(f));
	assert_int_equal(follows_add(f, "c", false, 100 * late), 0); /* stays permanent */
	assert_null(follows_expire(f, 200 * late));
	follows_free(f);
}

struct fixture {
	char dir[64];
	int dirfd;
	struct slots_file *slots;
	struct pel_slots *map;
};

/* A directory with a slot file in it, mapped as a client maps it. */
static int setup(void **state)
{
	static struct fixture f;
	int fd;

	strcpy(f.dir, "/tmp/test_life.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	f.dirfd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(slots_open(f.dirfd, 0600, &f.slots), 0);
	fd = openat(f.dirfd, "clients.slots", O_RDWR | O_CLOEXEC);
	f.map = mmap(NULL, sizeof(*f.map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(f.map, MAP_FAILED);
	close(fd);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	slots_close(f->slots);
	munmap(f->map, sizeof(*f->map));
	close(f->dirfd);
	(void)sprintf(command, "rm -rf %s", f->dir);
	return system(command);
}

static uint64_t own_pidns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	return st.st_ino;
}

static void slot_take(struct fixture *f, unsigned i, pid_t pid, uint64_t pidns)
{
	struct pel_slot *slot = &f->map->slots[i];

	slot->pid = pid;
	slot->pidns = pidns;
	slot->severed = 3;
	slot->tracked = 2;
	slot->names[1] = 77;
	slot->version = 0x010203;
}

static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void note(void *ctx, uint64_t hash, bool used)
{
	*(uint64_t *)ctx += used ? hash : 0;
}

static void who_uses_a_cluster_has_or_has_just_had_connections(void **state)
{
	struct fixture *f = *state;
	uint64_t used = 0;
	const struct slots_listener listener = {.wants = note, .ctx = &used};
	struct slots_summary sum;
	struct pel_slot *slot = &f->map->slots[0];

	slot_take(f, 0, getpid(), own_pidns());
	slot->tracked = 0;
	slot->routed = 3;
	assert_true(slots_sweep(f->slots, SECOND, false, &listener, &sum));
	assert_int_equal(used, 77);
	assert_true(slots_sweep(f->slots, SECOND, false, &listener, &sum));
	assert_int_equal(used, 77);
	slot->routed++;
	assert_true(slots_sweep(f->slots, SECOND, false, &listener, &sum));
	assert_int_equal(used, 2 * 77);
	slot->tracked = 1;
	assert_true(slots_sweep(f->slots, SECOND, false, &listener, &sum));
	assert_int_equal(used, 3 * 77);
}

static void who_came_and_went_has_used_its_cluster(void **state)
{
	struct fixture *f = *state;
	uint64_t used = 0;
	const struct slots_listener listener = {.wants = note, .ctx = &used};
	struct slots_summary sum;

	slot_take(f, 0, dead_pid(), own_pidns());
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(used, 0); /* perhaps long ago */
	slot_take(f, 0, dead_pid(), own_pidns());
	f->map->slots[0].tracked = 0;
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(used, 77);
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(used, 77);
}

static void the_dead_lose_their_slots(void **state)
{
	struct fixture *f = *state;
	uint64_t wanted = 0;
	const struct slots_listener listener = {.wants = note, .ctx = &wanted};
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	slot_take(f, 100, dead_pid(), own_pidns());
	slot_take(f, PEL_SLOTS - 1, -5, own_pidns());
	assert_true(slots_sweep(f->slots, SECOND, false, &listener, &sum));
	assert_int_equal(sum.live, 1);
	assert_int_equal(sum.tracked, 2);
	assert_int_equal(sum.severed, 9); /* of the dead, too */
	assert_int_equal(wanted, 77);
	assert_int_equal(f->map->slots[100].pid, 0);
	assert_int_equal(f->map->slots[100].names[1], 0);
	assert_int_equal(f->map->slots[100].version, 0);
	assert_int_equal(f->map->slots[0].pid, getpid());
	assert_true(slots_sweep(f->slots, SECOND, false, NULL, &sum));
	assert_int_equal(sum.severed, 9);
}

static void the_living_are_counted_by_their_librarys_version(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	for (unsigned i = 0; i < 3; i++)
		slot_take(f, i, getpid(), own_pidns());
	f->map->slots[1].version = 0x010300;
	slot_take(f, 3, dead_pid(), own_pidns());
	slots_sweep(f->slots, SECOND, false, NULL, &sum);
	assert_int_equal(sum.versions[0].version, 0x010203);
	assert_int_equal(sum.versions[0].live, 2);
	assert_int_equal(sum.versions[1].version, 0x010300);
	assert_int_equal(sum.versions[1].live, 1);
	assert_int_equal(sum.versions[2].live, 0);
	for (unsigned i = 0; i < 2 * SLOTS_VERSIONS; i++) {
		slot_take(f, i, getpid(), own_pidns());
		f->map->slots[i].version = 1 + i; /* strangers write what they like */
	}
	slots_sweep(f->slots, SECOND, false, NULL, &sum);
	assert_int_equal(sum.live, 2 * SLOTS_VERSIONS);
	assert_int_equal(sum.versions[SLOTS_VERSIONS - 1].version, SLOTS_VERSIONS);
}

static void count(void *ctx, const uint64_t names[static PEL_SLOT_NAMES],
	const struct slots_news *news)
{
	assert_int_equal(names[1], 77);
	*(uint32_t *)ctx = *(uint32_t *)ctx * 100 + news->severed;
}

static void what_was_severed_is_told_once(void **state)
{
	struct fixture *f = *state;
	uint32_t told = 0;
	const struct slots_listener listener = {.news = count, .ctx = &told};
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told, 0); /* of an earlier worker's time */
	f->map->slots[0].severed = 5;
	slot_take(f, 100, dead_pid(), own_pidns()); /* came, severed 3, and went in between */
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told, 203);
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told, 203);
	slot_take(f, 100, getpid(), own_pidns()); /* another, in the same place */
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told, 20303);
	f->map->slots[100].severed = 1; /* anew, by another program in the same process */
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told, 2030301);
}

static void waits_add(void *ctx, const uint64_t names[static PEL_SLOT_NAMES],
	const struct slots_news *news)
{
	struct slots_news *sum = ctx;

	sum->waited += news->waited;
	sum->given_up += news->given_up;
	sum->longest_ms = news->longest_ms;
}

/* Also of an earlier worker's time: they count up, and tell of no moment. */
static void waits_are_told_once(void **state)
{
	struct fixture *f = *state;
	struct slots_news told = {0};
	const struct slots_listener listener = {.news = waits_add, .ctx = &told};
	struct pel_slot *slot = &f->map->slots[0];
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	slot->waited = 5;
	slot->given_up = 1;
	slot->longest_ms = 700;
	for (unsigned i = 0; i < 2; i++) {
		slots_sweep(f->slots, SECOND, false, &listener, &sum);
		assert_int_equal(told.waited, 5);
		assert_int_equal(told.given_up, 1);
		assert_int_equal(told.longest_ms, 700);
	}
	slot->waited = 6;
	slot_take(f, 100, dead_pid(), own_pidns());
	f->map->slots[100].waited = 10;
	f->map->slots[100].longest_ms = 900;
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told.waited, 16);
	assert_int_equal(sum.waited, 16);
	assert_int_equal(sum.given_up, 1);
	assert_int_equal(sum.longest_ms, 900); /* of the dead, too */
	slot->longest_ms = 1200; /* at the end of a wait that was counted when it began */
	slots_sweep(f->slots, SECOND, false, &listener, &sum);
	assert_int_equal(told.longest_ms, 1200);
}

static void held_add(void *ctx, const uint64_t names[static PEL_SLOT_NAMES], uint32_t n)
{
	assert_int_equal(names[1], 77);
	*(uint32_t *)ctx = *(uint32_t *)ctx * 100 + n;
}

static void a_crowd_is_of_all_that_are_tracked_or_held(void **state)
{
	struct fixture *f = *state;
	uint32_t held = 0;

	assert_int_equal(slots_crowd(f->slots, held_add, &held), 0);
	slot_take(f, 0, getpid(), own_pidns());
	slot_take(f, PEL_SLOTS - 1, getpid(), own_pidns());
	f->map->slots[PEL_SLOTS - 1].held = 5;
	f->map->slots[7].held = 9; /* nobody's */
	assert_int_equal(slots_crowd(f->slots, held_add, &held), 2 + 2 + 5);
	assert_int_equal(held, 5);
	f->map->slots[0].held = UINT32_MAX; /* strangers write what they like */
	held = 0;
	assert_int_equal(slots_crowd(f->slots, held_add, &held), 4 + 1048575 + 5);
	assert_int_equal(held, 1048575 * 100 + 5);
}

static void a_pid_that_was_given_out_again_is_another(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	f->map->slots[0].start_ticks = 1;
	assert_true(slots_sweep(f->slots, SECOND, false, NULL, &sum));
	assert_int_equal(sum.live, 1);
	assert_true(slots_sweep(f->slots, SECOND, true, NULL, &sum));
	assert_int_equal(sum.live, 0);
}

static void a_slot_of_another_namespace_lives_by_its_looks(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	slot_take(f, 0, 999999, own_pidns() + 1);
	f->map->slots[0].seen_ns = 1000 * SECOND;
	assert_true(slots_sweep(f->slots, 1090 * SECOND, true, NULL, &sum));
	assert_int_equal(sum.live, 1);
	assert_true(slots_sweep(f->slots, 1101 * SECOND, true, NULL, &sum));
	assert_int_equal(sum.live, 0);
}

static void a_slot_that_is_never_filled_is_freed(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	f->map->slots[7].pid = getpid();
	slots_sweep(f->slots, 100 * SECOND, true, NULL, &sum);
	assert_int_equal(sum.live, 1);
	slots_sweep(f->slots, 111 * SECOND, true, NULL, &sum);
	assert_int_equal(sum.live, 0);
	assert_int_equal(f->map->slots[7].pid, 0);
}

static void a_truncated_file_is_told_and_made_anew(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;
	int fd = openat(f->dirfd, "clients.slots", O_RDWR | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 100), 0);
	close(fd);
	assert_false(slots_sweep(f->slots, SECOND, true, NULL, &sum));
	slots_close(f->slots);
	assert_int_equal(slots_open(f->dirfd, 0600, &f->slots), 0);
	assert_true(slots_sweep(f->slots, SECOND, true, NULL, &sum));
	assert_int_equal(unlinkat(f->dirfd, "clients.slots", 0), 0);
	assert_false(slots_sweep(f->slots, SECOND, true, NULL, &sum));
}

static void slots_survive_a_new_prober(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	slots_close(f->slots);
	assert_int_equal(slots_open(f->dirfd, 0600, &f->slots), 0);
	assert_true(slots_sweep(f->slots, SECOND, true, NULL, &sum));
	assert_int_equal(sum.live, 1);
}

static struct pel_rundir explicit_dir(const char *path)
{
	struct pel_rundir dir;

	assert_int_equal(pel_rundir_choose(path, geteuid(), &dir), 0);
	return dir;
}

static void there_is_one_place_in_a_directory(void **state)
{
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station a, b;

	assert_int_equal(station_open(&dir, &a), 0);
	assert_int_equal(station_open(&dir, &b), -EBUSY);
	assert_true(station_is_intact(&a));
	assert_false(a.shared);
	station_close(&a);
	assert_int_equal(station_open(&dir, &b), 0);
	station_close(&b);
}

static void a_place_that_was_taken_away_is_noticed(void **state)
{
	static const char *const files[] = {"lock", "control"};
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station s;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(station_open(&dir, &s), 0);
		assert_int_equal(unlinkat(f->dirfd, files[i], 0), 0);
		assert_false(station_is_intact(&s));
		station_close(&s);
	}
	assert_int_equal(station_open(&dir, &s), 0);
	assert_int_equal(rename(f->dir, "/tmp/test_life.moved"), 0);
	assert_false(station_is_intact(&s));
	assert_int_equal(rename("/tmp/test_life.moved", f->dir), 0);
	assert_true(station_is_intact(&s));
	station_close(&s);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station s;

	assert_int_equal(chmod(f->dir, 0770), 0);
	assert_int_equal(station_open(&dir, &s), -EPERM);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(station_open(&dir, &s), 0);
	assert_true(s.shared);
	assert_int_equal(station_read_mode(&s), 0444);
	station_close(&s);
}

int main(void)
{
#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_kept_once),
		cmocka_unit_test(a_forgotten_name_leaves_the_others),
		cmocka_unit_test(one_request_is_dropped),
		cmocka_unit_test(what_is_kept_is_bounded),
		cmocka_unit_test(a_name_that_nobody_wants_expires),
		IN_DIR(who_came_and_went_has_used_its_cluster),
		IN_DIR(the_dead_lose_their_slots),
		IN_DIR(the_living_are_counted_by_their_librarys_version),
		IN_DIR(who_uses_a_cluster_has_or_has_just_had_connections),
		IN_DIR(what_was_severed_is_told_once),
		IN_DIR(waits_are_told_once),
		IN_DIR(a_crowd_is_of_all_that_are_tracked_or_held),
		IN_DIR(a_pid_that_was_given_out_again_is_another),
		IN_DIR(a_slot_of_another_namespace_lives_by_its_looks),
		IN_DIR(a_slot_that_is_never_filled_is_freed),
		IN_DIR(a_truncated_file_is_told_and_made_anew),
		IN_DIR(slots_survive_a_new_prober),
		IN_DIR(there_is_one_place_in_a_directory),
		IN_DIR(a_place_that_was_taken_away_is_noticed),
		IN_DIR(a_directory_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
