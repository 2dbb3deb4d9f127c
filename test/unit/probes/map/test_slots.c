/* SPDX-License-Identifier: Apache-2.0 */
/* The clients' slots as the daemon hears them: who lives, and in which file. */
#include "slots_place.h"

#include <sys/wait.h>

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
		IN_DIR(a_time_to_come_is_no_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
