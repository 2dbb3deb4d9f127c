/* SPDX-License-Identifier: Apache-2.0 */
/* A blue/green switchover: what its table says, the steps, and what must never happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/bluegreen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define S UINT64_C(1000000000)
#define HOLD_NS (30 * S)
#define COLUMNS 5
#define DOMAIN ".abc.us-east-1.rds.amazonaws.com"
#define ENDPOINT ".cluster-abc.us-east-1.rds.amazonaws.com"
#define SOURCE "BLUE_GREEN_DEPLOYMENT_SOURCE"
#define TARGET "BLUE_GREEN_DEPLOYMENT_TARGET"

struct cells {
	const char *(*rows)[COLUMNS];
	unsigned n, at;
};

static const char *const *next(void *context)
{
	struct cells *c = context;

	return c->at < c->n ? c->rows[c->at++] : NULL;
}

static int read_rows(const char *(*rows)[COLUMNS], unsigned n, struct bluegreen_table *ret)
{
	struct cells c = {rows, n, 0};
	const struct pel_cells cells = {.next = next, .context = &c, .n_columns = COLUMNS};

	return bluegreen_read(&cells, ret);
}

static void a_table_is_read_and_what_is_odd_is_not(void **state)
{
	static const char *rows[][COLUMNS] = {
		{"0", "1", "shop-1" DOMAIN, SOURCE, "SWITCHOVER_IN_PROGRESS"},
		{"0", "1", "Shop" ENDPOINT ".", SOURCE, "SWITCHOVER_INITIATED"},
		{"0", "1", "shop-green-a1b2c3" ENDPOINT, TARGET, "AVAILABLE"},
		{"0", "1", "bad name", TARGET, "AVAILABLE"},
		{"0", "1", "shop-2" DOMAIN, "SOMETHING", "AVAILABLE"},
		{"0", "1", NULL, NULL, NULL},
		{"0", "1", "shop-1-green-a1b2c3" DOMAIN, TARGET, "SWITCHOVER_IN_DOUBT"},
		{"0", "1", "shop-2-green-a1b2c3" DOMAIN, TARGET, NULL},
	};
	struct bluegreen_table t;

	assert_int_equal(read_rows(rows, 8, &t), 0);
	assert_int_equal(t.n, 5);
	assert_int_equal(t.role, PEL_ROLE_WRITER);
	assert_false(t.open); /* read_only is what keeps green shut */
	assert_string_equal(t.rows[1].host, "shop" ENDPOINT);
	assert_int_equal(bluegreen_told(&t, BLUEGREEN_BLUE), BLUEGREEN_INITIATED);
	assert_int_equal(bluegreen_told(&t, BLUEGREEN_GREEN), BLUEGREEN_AVAILABLE);
	assert_int_equal(t.rows[3].status, BLUEGREEN_ODD);
	assert_int_equal(t.rows[4].status, BLUEGREEN_ODD);
	assert_int_equal(read_rows(&rows[5], 1, &t), 0);
	assert_int_equal(bluegreen_told(&t, BLUEGREEN_BLUE), BLUEGREEN_NONE);
}

static void more_rows_than_there_is_room_for_are_left_out(void **state)
{
	static const char *rows[2 * BLUEGREEN_ROWS][COLUMNS];
	struct bluegreen_table t;

	for (unsigned i = 0; i < 2 * BLUEGREEN_ROWS; i++) {
		rows[i][0] = rows[i][1] = "0";
		rows[i][2] = "shop" ENDPOINT;
		rows[i][3] = SOURCE;
		rows[i][4] = "AVAILABLE";
	}
	assert_int_equal(read_rows(rows, 2 * BLUEGREEN_ROWS, &t), 0);
	assert_int_equal(t.n, BLUEGREEN_ROWS);
	assert_true(t.open);
}

static void a_green_name_is_to_take_over_another(void **state)
{
	static const struct {
		const char *green, *base;
	} cases[] = {
		{"shop-1-green-a1b2c3" DOMAIN, "shop-1" DOMAIN},
		{"shop-green-a1b2c3" ENDPOINT, "shop" ENDPOINT},
		{"shop-1-green-a1b2c3", "shop-1"},
		{"a-green-b-green-c", "a-green-b"},
		{"shop-1" DOMAIN, NULL},
		{"shop-green-" ENDPOINT, NULL},
		{"shop-green" ENDPOINT, NULL},
		{"-green-a1b2c3" ENDPOINT, NULL},
		{"shop.x-green-a1b2c3.example", NULL},
		{"", NULL},
		{"-", NULL},
	};
	char base[PEL_NAME_MAX];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(bluegreen_base(cases[i].green, base), cases[i].base != NULL);
		if (cases[i].base)
			assert_string_equal(base, cases[i].base);
	}
}

/* A word a second; TIME: only so many seconds pass. */
enum { END = 0, B, G, TIME, MOVED };
enum { SHUT = 0, OPEN, OTHER };

struct beat {
	int side;
	int status; /* or seconds */
	int open;
	enum bluegreen_step step;
};

#define COMES                                                                                      \
	{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},                                           \
		{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_READY},                                   \
		{B, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_NEAR},                                    \
		{G, BLUEGREEN_INITIATED, SHUT, BLUEGREEN_NEAR},                                    \
		{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},                                  \
	{                                                                                          \
		G, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_HELD                                     \
	}

static const struct {
	const char *what;
	struct beat beats[16];
} stories[] = {
	{"all of it",
		{COMES, {B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_HELD},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_POST, OPEN, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_COMPLETED, OPEN, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_NONE, OPEN, BLUEGREEN_SWITCHED},
			{MOVED, 0, 0, BLUEGREEN_IDLE}, {B, BLUEGREEN_NONE, OPEN, BLUEGREEN_IDLE},
			{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY}}},
	{"statuses that freeze do not matter, nor do they hold anybody afterwards",
		{COMES, {G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED},
			{TIME, 500, 0, BLUEGREEN_SWITCHED}, {MOVED, 0, 0, BLUEGREEN_IDLE},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_IDLE},
			{B, BLUEGREEN_POST, OPEN, BLUEGREEN_IDLE}}},
	{"rolled back",
		{COMES, {B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_HELD},
			{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_READY},
			{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{B, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_NEAR},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD}}},
	{"rolled back when it was switched",
		{COMES, {G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_SWITCHED},
			{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_IDLE}}},
	{"rolled back when green had only said that it takes writes: by blue, which does",
		{COMES, {G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED},
			{B, BLUEGREEN_AVAILABLE, OTHER, BLUEGREEN_SWITCHED},
			{B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_SWITCHED},
			{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_IDLE},
			{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY}}},
	{"who is not its writer does not say whether a side takes writes",
		{{G, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{B, BLUEGREEN_IN_PROGRESS, OTHER, BLUEGREEN_HELD},
			{G, BLUEGREEN_IN_PROGRESS, OTHER, BLUEGREEN_HELD},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_SWITCHED}}},
	{"a side that is late with what the other has told rolls nothing back",
		{{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{B, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_NEAR},
			{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_NEAR},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_HELD},
			{B, BLUEGREEN_INITIATED, SHUT, BLUEGREEN_HELD}}},
	{"rows that are lost say nothing",
		{COMES, {B, BLUEGREEN_NONE, OPEN, BLUEGREEN_HELD},
			{G, BLUEGREEN_NONE, SHUT, BLUEGREEN_HELD},
			{G, BLUEGREEN_ODD, SHUT, BLUEGREEN_HELD},
			{G, BLUEGREEN_NONE, OPEN, BLUEGREEN_SWITCHED}}},
	{"a deployment that is taken away",
		{{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{B, BLUEGREEN_NONE, OPEN, BLUEGREEN_IDLE},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_AWAITED}}},
	{"green made writable by hand is not followed, before or in it",
		{{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{G, BLUEGREEN_AVAILABLE, SHUT, BLUEGREEN_READY},
			{G, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{G, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_NEAR},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_SWITCHED}}},
	{"... but when there is no way back",
		{{G, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD},
			{G, BLUEGREEN_POST, OPEN, BLUEGREEN_SWITCHED}}},
	{"IN_PROGRESS that nobody saw come holds nobody, and is forgotten",
		{{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_AWAITED},
			{G, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_AWAITED},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_AWAITED},
			{TIME, 180, 0, BLUEGREEN_IDLE},
			{B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_IDLE}}},
	{"... nor does green count without blue's own word",
		{{B, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_AWAITED},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_SWITCHED}}},
	{"COMPLETED is nothing to wait for", {{B, BLUEGREEN_COMPLETED, OPEN, BLUEGREEN_IDLE}}},
	{"connects are held for so long, and green awaited a while longer",
		{COMES, {TIME, 30, 0, BLUEGREEN_AWAITED},
			{G, BLUEGREEN_IN_PROGRESS, SHUT, BLUEGREEN_AWAITED},
			{TIME, 150, 0, BLUEGREEN_IDLE},
			{G, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_IDLE},
			{B, BLUEGREEN_AVAILABLE, OPEN, BLUEGREEN_READY}}},
	{"checks before a switchover may take their time",
		{{B, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_NEAR}, {TIME, 180, 0, BLUEGREEN_READY},
			{B, BLUEGREEN_INITIATED, OPEN, BLUEGREEN_READY},
			{B, BLUEGREEN_IN_PROGRESS, OPEN, BLUEGREEN_HELD}}},
};

static void play(const struct beat *beats)
{
	struct bluegreen b = {.hold_ns = HOLD_NS};
	uint64_t now = 1000 * S;

	for (unsigned i = 0; i < 16 && beats[i].side != END; i++) {
		const struct beat *is = &beats[i];
		enum bluegreen_step step;

		now += (is->side == TIME ? (uint64_t)is->status : 1) * S;
		if (is->side == TIME) {
			step = bluegreen_tick(&b, now);
		} else if (is->side == MOVED) {
			step = bluegreen_end(&b);
		} else {
			const struct bluegreen_word w = {is->side == B ? BLUEGREEN_BLUE
								       : BLUEGREEN_GREEN,
				(enum bluegreen_status)is->status, is->open == OPEN,
				is->open == OTHER};

			step = bluegreen_feed(&b, &w, now);
		}
		if (step != is->step)
			print_message("beat %u: %s\n", i, bluegreen_word_of(step));
		assert_int_equal(step, is->step);
	}
}

static void steps_follow_what_is_told(void **state)
{
	for (unsigned i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		print_message("# %s\n", stories[i].what);
		play(stories[i].beats);
	}
}

static void without_hold_nobody_is_held(void **state)
{
	static const struct bluegreen_word words[] = {{BLUEGREEN_BLUE, BLUEGREEN_AVAILABLE, true},
		{BLUEGREEN_BLUE, BLUEGREEN_IN_PROGRESS, true}};
	struct bluegreen b = {0};

	(void)bluegreen_feed(&b, &words[0], S);
	assert_int_equal(bluegreen_feed(&b, &words[1], 2 * S), BLUEGREEN_AWAITED);
}

static void each_step_has_its_pace(void **state)
{
	static const struct {
		enum bluegreen_step step;
		uint64_t each_ns;
	} cases[] = {{BLUEGREEN_IDLE, 30 * S}, {BLUEGREEN_READY, S}, {BLUEGREEN_NEAR, S / 10},
		{BLUEGREEN_HELD, S / 50}, {BLUEGREEN_AWAITED, S / 50},
		{BLUEGREEN_SWITCHED, S / 10}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bluegreen b = {.step = (uint8_t)cases[i].step};

		assert_int_equal(pace_wait_ns(bluegreen_pace(&b), 1, 0), cases[i].each_ns);
	}
}

/* What must hold after any word, whoever lies. */
static void check(const struct bluegreen *b, const struct bluegreen *was,
	const struct bluegreen_word *w, uint64_t now)
{
	if (b->step == BLUEGREEN_SWITCHED && was->step != BLUEGREEN_SWITCHED) {
		assert_true(b->green_open && b->status >= BLUEGREEN_IN_PROGRESS);
		assert_true(b->blue_shut || b->came);
		assert_true(was->step != BLUEGREEN_IDLE || w->status >= BLUEGREEN_IN_PROGRESS);
	}
	if (w->bystander)
		assert_true(b->blue_shut == was->blue_shut && b->green_open == was->green_open);
	if (b->step == BLUEGREEN_HELD) {
		assert_true(b->came && now < b->held_ns + HOLD_NS);
		assert_true(b->status >= BLUEGREEN_IN_PROGRESS);
	}
	if (b->step == BLUEGREEN_HELD || b->step == BLUEGREEN_AWAITED)
		assert_true(now < b->begun_ns + BLUEGREEN_CAP_NS);
	assert_true(b->spent ? b->step == BLUEGREEN_IDLE : true);
	assert_true(b->step == BLUEGREEN_IDLE || b->step >= BLUEGREEN_READY);
}

static void whatever_is_told_some_things_never_happen(void **state)
{
	unsigned long seed = 1;
	unsigned switched = 0, held = 0;

	for (unsigned history = 0; history < 20000; history++) {
		struct bluegreen b = {.hold_ns = HOLD_NS};
		uint64_t now = S;

		for (unsigned i = 0; i < 40; i++) {
			struct bluegreen was = b;
			struct bluegreen_word w;

			seed = seed * 6364136223846793005ul + 1442695040888963407ul;
			w.side = (enum bluegreen_side)(seed >> 33 & 1);
			w.open = seed >> 34 & 1;
			w.bystander = (seed >> 56) % 8 == 0;
			/* Mostly onwards. */
			w.status = (enum bluegreen_status)(seed >> 36 & 3
					? b.told[w.side] + (seed >> 40 & 1)
					: (seed >> 42) % 7);
			now += (seed >> 46) % 100 == 0 ? 100 * S : S / 10;
			(void)bluegreen_feed(&b, &w, now);
			check(&b, &was, &w, now);
			switched += b.step == BLUEGREEN_SWITCHED && was.step != b.step;
			held += b.step == BLUEGREEN_HELD && was.step != b.step;
			if ((seed >> 50) % 64 == 0) {
				(void)bluegreen_end(&b);
				assert_int_equal(b.step, BLUEGREEN_IDLE);
			}
		}
	}
	assert_true(switched > 1000 && held > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_read_and_what_is_odd_is_not),
		cmocka_unit_test(more_rows_than_there_is_room_for_are_left_out),
		cmocka_unit_test(a_green_name_is_to_take_over_another),
		cmocka_unit_test(steps_follow_what_is_told),
		cmocka_unit_test(without_hold_nobody_is_held),
		cmocka_unit_test(each_step_has_its_pace),
		cmocka_unit_test(whatever_is_told_some_things_never_happen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
