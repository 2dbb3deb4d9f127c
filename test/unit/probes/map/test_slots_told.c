/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients' slots tell in sum: each thing once, whoever hears of it, and whatever becomes of them. */
#include "slots_place.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(what_a_process_has_done_is_counted_once),
		IN_DIR(why_is_told_late_and_taken_back_never),
		IN_DIR(nothing_new_makes_no_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
