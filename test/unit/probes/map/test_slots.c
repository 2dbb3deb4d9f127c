/* SPDX-License-Identifier: Apache-2.0 */
/* The clients' slots as the daemon hears them: who lives, and what each has done, once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "map/slots.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

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

	f.slots = NULL;
	strcpy(f.dir, "/tmp/test_slots.XXXXXX");
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

/* As a new daemon does it, or one that finds its file gone and has a new one made. */
static void slots_anew(struct fixture *f, bool daemon)
{
	int fd;

	if (daemon) {
		slots_close(f->slots);
		f->slots = NULL;
	}
	assert_int_equal(slots_open(f->dirfd, 0600, &f->slots), 0);
	munmap(f->map, sizeof(*f->map));
	fd = openat(f->dirfd, "clients.slots", O_RDWR | O_CLOEXEC);
	f->map = mmap(NULL, sizeof(*f->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	close(fd);
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
	assert_true(slots_sweep(f->slots, SECOND, &listener, &sum));
	assert_int_equal(used, 77);
	assert_true(slots_sweep(f->slots, SECOND, &listener, &sum));
	assert_int_equal(used, 77);
	slot->routed++;
	assert_true(slots_sweep(f->slots, SECOND, &listener, &sum));
	assert_int_equal(used, 2 * 77);
	slot->tracked = 1;
	assert_true(slots_sweep(f->slots, SECOND, &listener, &sum));
	assert_int_equal(used, 3 * 77);
}

static void who_came_and_went_has_used_its_cluster(void **state)
{
	struct fixture *f = *state;
	uint64_t used = 0;
	const struct slots_listener listener = {.wants = note, .ctx = &used};
	struct slots_summary sum;

	slot_take(f, 0, dead_pid(), own_pidns());
	slots_anew(f, true);
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(used, 0); /* perhaps long ago */
	slot_take(f, 0, dead_pid(), own_pidns());
	f->map->slots[0].tracked = 0;
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(used, 77);
	slots_sweep(f->slots, SECOND, &listener, &sum);
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
	assert_true(slots_sweep(f->slots, SECOND, &listener, &sum));
	assert_int_equal(sum.live, 1);
	assert_int_equal(sum.tracked, 2);
	assert_int_equal(sum.severed, 9); /* of the dead, too */
	assert_int_equal(wanted, 2 * 77); /* it came and went in between */
	assert_int_equal(f->map->slots[100].pid, 0);
	assert_int_equal(f->map->slots[100].names[1], 0);
	assert_int_equal(f->map->slots[100].version, 0);
	assert_int_equal(f->map->slots[0].pid, getpid());
	assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
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
	slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.versions[0].version, 0x010203);
	assert_int_equal(sum.versions[0].live, 2);
	assert_int_equal(sum.versions[1].version, 0x010300);
	assert_int_equal(sum.versions[1].live, 1);
	assert_int_equal(sum.versions[2].live, 0);
	for (unsigned i = 0; i < 2 * SLOTS_VERSIONS; i++) {
		slot_take(f, i, getpid(), own_pidns());
		f->map->slots[i].version = 1 + i; /* strangers write what they like */
	}
	slots_sweep(f->slots, SECOND, NULL, &sum);
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
	slots_anew(f, true);
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(told, 0); /* of an earlier worker's time */
	f->map->slots[0].severed = 5;
	slot_take(f, 100, dead_pid(), own_pidns()); /* came, severed 3, and went in between */
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(told, 203);
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(told, 203);
	slot_take(f, 100, getpid(), own_pidns()); /* another, in the same place */
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(told, 20303);
	f->map->slots[100].severed = 1; /* anew, by another program in the same process */
	slots_sweep(f->slots, SECOND, &listener, &sum);
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
		slots_sweep(f->slots, SECOND, &listener, &sum);
		assert_int_equal(told.waited, 5);
		assert_int_equal(told.given_up, 1);
		assert_int_equal(told.longest_ms, 700);
	}
	slot->waited = 6;
	slot_take(f, 100, dead_pid(), own_pidns());
	f->map->slots[100].waited = 10;
	f->map->slots[100].longest_ms = 900;
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(told.waited, 16);
	assert_int_equal(sum.waited, 16);
	assert_int_equal(sum.given_up, 1);
	assert_int_equal(sum.longest_ms, 900); /* of the dead, too */
	slot->longest_ms = 1200; /* at the end of a wait that was counted when it began */
	slots_sweep(f->slots, SECOND, &listener, &sum);
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
	unsigned at = SLOTS_TURNS - 1;

	slot_take(f, at, getpid(), own_pidns());
	f->map->slots[at].start_ticks = 1;
	for (unsigned i = 0; i < SLOTS_TURNS; i++) {
		assert_int_equal(f->map->slots[at].pid, getpid());
		assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
	}
	assert_int_equal(sum.live, 0);
}

/* /proc takes its time, and nobody else is served meanwhile. */
static void one_sweep_asks_proc_for_a_part(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;
	unsigned live = 4 * SLOTS_TURNS;

	for (unsigned i = 0; i < live; i++) {
		slot_take(f, i, getpid(), own_pidns());
		f->map->slots[i].start_ticks = 1;
	}
	for (; live > 0; live -= 4) {
		slots_sweep(f->slots, SECOND, NULL, &sum);
		assert_int_equal(sum.live, live - 4);
	}
}

static void a_slot_of_another_namespace_lives_by_its_looks(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	slot_take(f, 0, 999999, own_pidns() + 1);
	f->map->slots[0].seen_ns = 1000 * SECOND;
	assert_true(slots_sweep(f->slots, 1090 * SECOND, NULL, &sum));
	assert_int_equal(sum.live, 1);
	assert_true(slots_sweep(f->slots, 1101 * SECOND, NULL, &sum));
	assert_int_equal(sum.live, 0);
}

static void a_slot_that_is_never_filled_is_freed(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	f->map->slots[7].pid = getpid();
	slots_sweep(f->slots, 100 * SECOND, NULL, &sum);
	assert_int_equal(sum.live, 1);
	slots_sweep(f->slots, 111 * SECOND, NULL, &sum);
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
	assert_false(slots_sweep(f->slots, SECOND, NULL, &sum));
	slots_anew(f, false);
	assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
	assert_int_equal(unlinkat(f->dirfd, "clients.slots", 0), 0);
	assert_false(slots_sweep(f->slots, SECOND, NULL, &sum));
}

/* Its magic is gone, so that no client takes it for a slot file. */
static void a_file_that_was_emptied_and_filled_is_told(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;
	int fd = openat(f->dirfd, "clients.slots", O_RDWR | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, sizeof(struct pel_slots)), 0);
	close(fd);
	assert_false(slots_sweep(f->slots, SECOND, NULL, &sum));
	slots_anew(f, false);
	assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
	assert_int_equal(f->map->magic, PEL_SLOTS_MAGIC);
}

/* Whoever began before, and tells in the file that stays, is as new as before. */
static void an_opening_that_fails_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
	assert_int_equal(unlinkat(f->dirfd, "clients.slots", 0), 0);
	assert_int_equal(mkdirat(f->dirfd, "clients.slots.new", 0700), 0);
	assert_int_not_equal(slots_open(f->dirfd, 0600, &f->slots), 0);
	slot_take(f, 0, getpid(), own_pidns());
	slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.severed, 3);
}

static void slots_survive_a_new_prober(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	slot_take(f, 0, getpid(), own_pidns());
	slots_anew(f, true);
	assert_true(slots_sweep(f->slots, SECOND, NULL, &sum));
	assert_int_equal(sum.live, 1);
}

static void seen_add(void *ctx, uint64_t hash, const char command[static 16],
	const struct pel_slot_seen *seen)
{
	*(uint32_t *)ctx += seen->held;
}

static void rows_count(void *ctx, uint64_t hash, const char command[static 16],
	const struct pel_slot_seen *seen)
{
	++*(unsigned *)ctx;
}

/* Whoever changes what no program tells would fill the history with rows of nothing. */
static void nothing_new_makes_no_row(void **state)
{
	struct fixture *f = *state;
	unsigned rows = 0;
	const struct slots_listener listener = {.seen = rows_count, .ctx = &rows};
	struct slots_summary sum;
	struct pel_slot_more *more = &f->map->more[0];

	slot_take(f, 0, getpid(), own_pidns());
	more->pid = getpid();
	more->seen[1].held = 3;
	more->seen[1].pad = 1;
	for (unsigned i = 0; i < 3; i++)
		slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(rows, 1);
	more->seen[1].held = 0;
	slots_sweep(f->slots, SECOND, &listener, &sum);
	assert_int_equal(rows, 1);
}

/* A process that began so long ago has these totals, whoever has heard of them. */
static void totals_take(struct fixture *f, unsigned i, uint64_t start_ticks, uint32_t n)
{
	struct pel_slot_more *more = &f->map->more[i];

	slot_take(f, i, 999999, own_pidns() + 1); /* asked for in no /proc */
	f->map->slots[i].start_ticks = start_ticks;
	f->map->slots[i].seen_ns = SECOND;
	f->map->slots[i].severed = f->map->slots[i].waited = n;
	more->severed_by[PEL_SEVERED_GONE] = n;
	more->pid = 999999;
	more->start_ticks = start_ticks;
	more->seen[1].held = n;
}

/* What becomes of a process that has told of 3, and of 5 at last. */
static const struct {
	const char *how;
	bool daemon, remade, silent, late, moves, taken, crowded;
	unsigned counted; /* by all that have listened since; a daemon's counters begin at 0 */
} tellings[] = {
	{"goes on", .counted = 5},
	{"goes on with another daemon", .daemon = true, .counted = 2},
	{"is silent for long", .silent = true, .counted = 5},
	{"is silent, and then half told", .silent = true, .late = true, .counted = 5},
	{"is silent, and comes back elsewhere", .silent = true, .moves = true, .counted = 5},
	{"... for another has its place", .silent = true, .moves = true, .taken = true,
		.counted = 5},
	{"... for others have all", .silent = true, .moves = true, .crowded = true, .counted = 5},
	{"finds the file made anew", .remade = true, .counted = 5},
	{"finds it so, and another place in it", .remade = true, .moves = true, .counted = 3},
};

static void what_a_process_has_done_is_counted_once(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(tellings) / sizeof(*tellings); i++) {
		uint32_t held = 0, at = 10 + (uint32_t)i;
		const struct slots_listener listener = {.seen = seen_add, .ctx = &held};
		struct slots_summary sum, before;

		slots_anew(f, true);
		slots_sweep(f->slots, SECOND, NULL, &before);
		totals_take(f, at, 100 + i, 3);
		slots_sweep(f->slots, SECOND, &listener, &sum);
		if (tellings[i].silent)
			slots_sweep(f->slots, 200 * SECOND, NULL, &sum);
		if (tellings[i].taken) {
			totals_take(f, at, 900, 0);
			slots_sweep(f->slots, SECOND, NULL, &sum);
		}
		for (unsigned k = 0; tellings[i].crowded && k < PEL_SLOTS; k++)
			totals_take(f, k, 900 + k, 0);
		if (tellings[i].crowded)
			slots_sweep(f->slots, SECOND, NULL, &sum);
		for (unsigned k = 0; tellings[i].crowded && k < PEL_SLOTS; k++)
			f->map->slots[k].pid = 0;
		if (tellings[i].remade)
			assert_int_equal(unlinkat(f->dirfd, "clients.slots", 0), 0);
		if (tellings[i].remade || tellings[i].daemon)
			slots_anew(f, tellings[i].daemon);
		if (tellings[i].daemon) {
			slots_sweep(f->slots, SECOND, &listener, &sum);
			memset(&before, 0, sizeof(before));
			held = 0;
		}
		totals_take(f, at + (tellings[i].moves ? 100 : 0), 100 + i, 5);
		f->map->more[at].pid *= !tellings[i].late;
		slots_sweep(f->slots, SECOND, &listener, &sum);
		f->map->more[at].pid = f->map->slots[at].pid;
		slots_sweep(f->slots, SECOND, &listener, &sum);
		sum.severed_by[PEL_SEVERED_GONE] -= before.severed_by[PEL_SEVERED_GONE];
		if (sum.severed - before.severed != tellings[i].counted ||
			sum.severed_by[PEL_SEVERED_GONE] != tellings[i].counted ||
			sum.waited - before.waited != tellings[i].counted ||
			held != tellings[i].counted)
			fail_msg("%s: %u severed, %u waited, %u held", tellings[i].how,
				(unsigned)(sum.severed - before.severed),
				(unsigned)(sum.waited - before.waited), held);
		f->map->slots[at].pid = f->map->slots[at + 100].pid = 0;
	}
}

/* It tells how many first, and why a moment later; one of an earlier release tells no reason. */
static void why_is_told_late_and_taken_back_never(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;

	totals_take(f, 10, 100, 3);
	f->map->more[10].pid = 0;
	slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.severed, 3);
	assert_int_equal(sum.untold, 0);
	f->map->more[10].pid = 999999;
	slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.severed_by[PEL_SEVERED_GONE], 3);
	totals_take(f, 11, 101, 4);
	f->map->more[11].pid = 0;
	for (unsigned i = 0; i < 3; i++)
		slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.untold, 4);
	f->map->more[11].pid = 999999;
	slots_sweep(f->slots, SECOND, NULL, &sum);
	assert_int_equal(sum.untold, 4);
}

static void a_time_to_come_is_no_life(void **state)
{
	struct fixture *f = *state;
	struct slots_summary sum;
	uint64_t now = 1000 * SECOND;

	slot_take(f, 0, 999999, own_pidns() + 1);
	f->map->slots[0].seen_ns = UINT64_MAX - 10;
	for (unsigned i = 0; i < 5; i++, now += 90 * SECOND) {
		slots_sweep(f->slots, now, NULL, &sum);
		assert_int_equal(sum.live, 1);
		f->map->slots[0].seen_ns++; /* by a clock that is no less alive */
	}
	slots_sweep(f->slots, now, NULL, &sum);
	assert_int_equal(sum.live, 1);
	slots_sweep(f->slots, now + 101 * SECOND, NULL, &sum);
	assert_int_equal(sum.live, 0);
}

int main(void)
{
#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_DIR(who_came_and_went_has_used_its_cluster),
		IN_DIR(the_dead_lose_their_slots),
		IN_DIR(the_living_are_counted_by_their_librarys_version),
		IN_DIR(who_uses_a_cluster_has_or_has_just_had_connections),
		IN_DIR(what_was_severed_is_told_once),
		IN_DIR(waits_are_told_once),
		IN_DIR(a_crowd_is_of_all_that_are_tracked_or_held),
		IN_DIR(a_pid_that_was_given_out_again_is_another),
		IN_DIR(one_sweep_asks_proc_for_a_part),
		IN_DIR(a_slot_of_another_namespace_lives_by_its_looks),
		IN_DIR(a_slot_that_is_never_filled_is_freed),
		IN_DIR(a_truncated_file_is_told_and_made_anew),
		IN_DIR(a_file_that_was_emptied_and_filled_is_told),
		IN_DIR(an_opening_that_fails_changes_nothing),
		IN_DIR(slots_survive_a_new_prober),
		IN_DIR(what_a_process_has_done_is_counted_once),
		IN_DIR(why_is_told_late_and_taken_back_never),
		IN_DIR(nothing_new_makes_no_row),
		IN_DIR(a_time_to_come_is_no_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
