/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of replica_host_status: what is believed of an answer, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cells.h"
#include "table.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Cells: @@innodb_read_only | id | is master | cpu | lag | age by NOW() | age by UTC, both in us.
 */
struct row {
	const char *title;
	const char *answer;
	/* "r" reader, "w" writer, "?": then per row id, M if it is the newest MASTER, age in ms */
	const char *picture;
	int r;
};

static const struct row rows[] = {
	{"a writer and a reader", "0|demo-1|1|5.5|0|200000|200000;0|demo-2|0|7|19.55|700000|700000",
		"w demo-1M+0 demo-2+500", 0},
	{"the teller may be a reader", "1|demo-1|1|5|0|0|0", "r demo-1M+0", 0},
	{"an empty table tells the role and nothing else", "1||||||", "r", -ENODATA},
	{"no row at all tells nothing", "", "?", -ENODATA},
	{"ids are one case", "0|DEMO-1|1|5|0|0|0", "w demo-1M+0", 0},

	/* masters */
	{"of two MASTER rows the newest counts", "0|a|1|5|0|900000|900000;0|b|1|5|0|100000|100000",
		"w a+800 bM+0", 0},
	{"... whatever their order", "0|b|1|5|0|100000|100000;0|a|1|5|0|900000|900000",
		"w bM+0 a+800", 0},
	{"no MASTER row is no master", "1|a|0|5|9|0|0;1|b|0|5|9|0|0", "r a+0 b+0", 0},
	{"a MASTER row is never dropped for its age",
		"1|a|1|5|0|86400000000|86400000000;1|b|0|5|9|0|0", "r aM+86400000 b+0", 0},
	{"... nor for its lag", "1|a|1|5|900000|1000|1000;1|b|0|5|9|0|0", "r aM+1 b+0", 0},
	{"a MASTER row without a time yields to one with", "1|a|1|5|0||;1|b|1|5|0|0|0", "r a? bM+0",
		0},
	{"a MASTER mark that is no number is none", "1|a|yes|5|0|0|0", "r a+0", 0},

	/* age */
	{"a row of 180 s ago is kept", "1|a|0|5|9|0|0;1|b|0|5|9|180000000|180000000",
		"r a+0 b+180000", 0},
	{"an older one is not", "1|a|0|5|9|0|0;1|b|0|5|9|180000001|180000001", "r a+0", 0},
	{"age is against the newest row, not against now",
		"1|a|0|5|9|300000000|300000000;1|b|0|5|9|400000000|400000000", "r a+0 b+100000", 0},
	{"a table in UTC under a session in another zone",
		"1|a|0|5|9|7200300000|300000;1|b|0|5|9|7200800000|800000", "r a+0 b+500", 0},
	{"a table in the session's zone, not in UTC",
		"1|a|0|5|9|300000|-7199700000;1|b|0|5|9|800000|-7199200000", "r a+0 b+500", 0},
	{"a table in neither is as good, for differences",
		"1|a|0|5|9|-9000000000|-5400000000;1|b|0|5|9|-8999500000|-5399500000",
		"r a+0 b+500", 0},
	{"a row from the future has no usable time",
		"1|a|0|5|9|0|0;1|b|0|5|9|-9000000000|-9000000000", "r a+0 b?", 0},
	{"... and does not make the others old",
		"1|a|1|5|9|0|0;1|b|0|5|9|-2500000000000000|-2500000000000000", "r aM+0 b?", 0},
	{"clocks of hosts may differ a little", "1|a|0|5|9|0|0;1|b|0|5|9|-900000|-900000",
		"r a+900 b+0", 0},
	{"no time, as of a zero date", "1|a|0|5|9||;1|b|0|5|9|0|0", "r a? b+0", 0},
	{"a time that is no number", "1|a|0|5|9|12x|;1|b|0|5|9|0|0", "r a? b+0", 0},
	{"a time beyond all numbers",
		"1|a|0|5|9|99999999999999999999999|99999999999999999999999;1|b|0|5|9|0|0",
		"r a? b+0", 0},
	{"no row has a time", "1|a|0|5|9||;1|b|1|5|9||", "r a? bM?", 0},

	/* lag */
	{"the lag of an instance that is gone drops its row", "1|a|0|5|9|0|0;1|b|0|5|900000|0|0",
		"r a+0", 0},
	{"a lag below that does not", "1|a|0|5|9|0|0;1|b|0|5|899999|0|0", "r a+0 b+0", 0},

	/* ids */
	{"a path is no id", "1|../evil|1|5|0|0|0;1|b|0|5|9|0|0", "r b+0", 0},
	{"a host name is no id", "1|evil.example.com|1|5|0|0|0;1|b|0|5|9|0|0", "r b+0", 0},
	{"an empty label, a space, a leading hyphen are no ids",
		"1| |0|5|9|0|0;1|a b|0|5|9|0|0;1|-a|0|5|9|0|0;1|b|0|5|9|0|0", "r b+0", 0},
	{"64 characters are no label",
		"1|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|1|5|0|0|0;1|b|"
		"0|5|9|0|0",
		"r b+0", 0},
	{"bytes beyond ASCII are no label", "1|d\xc3\xa9mo|1|5|0|0|0;1|b|0|5|9|0|0", "r b+0", 0},
	{"nothing but bad ids is no table", "1|a/b|1|5|0|0|0", "r", -ENODATA},
	{"an id that is there twice counts by its newer row",
		"1|a|0|5|9|500000|500000;1|a|1|5|9|100000|100000", "r aM+0", 0},
	{"... whatever their order", "1|a|1|5|9|100000|100000;1|a|0|5|9|500000|500000", "r aM+0",
		0},

	/* the role */
	{"a role that is no role is unknown", "maybe|a|1|5|0|0|0", "? aM+0", 0},
	{"words are roles too", "OFF|a|1|5|0|0|0", "w aM+0", 0},
	{"no role is unknown", "|a|1|5|0|0|0", "? aM+0", 0},
};

static const char *picture(const struct pel_rows *got, char *to)
{
	char *at = to + sprintf(to, "%c", "?rw"[got->role]);

	for (unsigned i = 0; i < got->n; i++) {
		const struct pel_row *row = &got->rows[i];

		at += sprintf(at, " %s%s", row->id, got->master == i ? "M" : "");
		if (row->age_us == PEL_AGE_UNKNOWN)
			at += sprintf(at, "?");
		else
			at += sprintf(at, "+%lld", (long long)row->age_us / 1000);
	}
	return to;
}

static void holds(void **state)
{
	const struct row *row = *state;
	static struct cells c;
	struct pel_rows got;
	char text[4096];

	assert_int_equal(pel_rows_read(cells_of(&c, row->answer, PEL_ROWS_COLUMNS), &got), row->r);
	assert_string_equal(picture(&got, text), row->picture);
}

static void other_columns_are_no_answer(void **state)
{
	static struct cells c;
	struct pel_rows got;

	(void)state;
	assert_int_equal(pel_rows_read(cells_of(&c, "1|a", 2), &got), -EPROTO);
	assert_int_equal(pel_rows_read(cells_of(&c, "", 0), &got), -EPROTO);
}

static void what_was_left_out_is_counted(void **state)
{
	static struct cells c;
	struct pel_rows got;

	(void)state;
	assert_int_equal(
		pel_rows_read(
			cells_of(&c,
				"1|a|1|5|9|0|0;1|a|0|5|9|9|9;1|b/c|0|5|9|0|0;"
				"1|d|0|5|9|181000000|181000000;1|e|0|5|9||;1|f|1|5|0|9000|9000",
				PEL_ROWS_COLUMNS),
			&got),
		0);
	assert_int_equal(got.n_seen, 6);
	assert_int_equal(got.n_refused, 2);
	assert_int_equal(got.n_stale, 1);
	assert_int_equal(got.n_garbage, 1);
	assert_int_equal(got.n_surplus, 0);
	assert_int_equal(got.n, 3);
}

static void lag_and_cpu_are_numbers_or_unknown(void **state)
{
	static const struct {
		const char *cpu, *lag;
		uint16_t cpu_permille;
		uint32_t lag_ms;
	} cases[] = {
		{"5.5", "19.5540008544922", 55, 19},
		{"100", "0", 1000, 0},
		{"250", "1", 1000, 1},
		{"", "", PEL_CPU_UNKNOWN, PEL_LAG_UNKNOWN},
		{"-1", "-1", PEL_CPU_UNKNOWN, PEL_LAG_UNKNOWN},
		{"nan", "1x", PEL_CPU_UNKNOWN, PEL_LAG_UNKNOWN},
		{"0.04", "0.999", 0, 0},
		{"1e-05", "899999.9", 0, 899999},
		{"12.", "1.2.3", 120, PEL_LAG_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct cells c;
		struct pel_rows got;
		char text[128];

		(void)snprintf(text, sizeof(text), "1|a|0|%s|%s|0|0", cases[i].cpu, cases[i].lag);
		assert_int_equal(pel_rows_read(cells_of(&c, text, PEL_ROWS_COLUMNS), &got), 0);
		assert_int_equal(got.rows[0].cpu_permille, cases[i].cpu_permille);
		assert_int_equal(got.rows[0].lag_ms, cases[i].lag_ms);
	}
}

static void a_huge_lag_is_of_who_is_gone(void **state)
{
	static struct cells c;
	struct pel_rows got;

	(void)state;
	assert_int_equal(pel_rows_read(cells_of(&c, "1|a|0|5|1e+15|0|0", PEL_ROWS_COLUMNS), &got),
		-ENODATA);
	assert_int_equal(got.n_stale, 1);
	assert_int_equal(pel_rows_read(cells_of(&c, "1|a|1|5|99999999999999999999999|0|0",
					       PEL_ROWS_COLUMNS),
				 &got),
		0);
	assert_int_equal(got.rows[0].lag_ms, PEL_LAG_UNKNOWN - 1);
}

static void the_newest_rows_age_dates_the_table(void **state)
{
	static const struct {
		const char *answer;
		int64_t newest_us;
	} cases[] = {
		{"1|a|0|5|9|300000|300000;1|b|0|5|9|700000|700000", 300000},
		{"1|a|0|5|9|7200300000|300000", 300000},
		{"1|a|0|5|9|300000|-7199700000", 300000},
		{"1|a|0|5|9|-500000|-500000", -500000},
		{"1|a|0|5|9|60000001|60000001", PEL_AGE_UNKNOWN},
		{"1|a|0|5|9|-9000000000|-9000000000", PEL_AGE_UNKNOWN},
		{"1|a|0|5|9||", PEL_AGE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct cells c;
		struct pel_rows got;

		assert_int_equal(pel_rows_read(cells_of(&c, cases[i].answer, PEL_ROWS_COLUMNS),
					 &got),
			0);
		assert_true(got.newest_us == cases[i].newest_us);
	}
}

static void who_says_reader_by_either_variable_is_one(void **state)
{
	static const struct {
		const char *innodb_read_only, *read_only;
		enum pel_role role;
	} cases[] = {
		{"0", "0", PEL_ROLE_WRITER},
		{"OFF", "ON", PEL_ROLE_READER},
		{"1", "0", PEL_ROLE_READER},
		{"1", "1", PEL_ROLE_READER},
		{NULL, "0", PEL_ROLE_WRITER},
		{NULL, "1", PEL_ROLE_READER},
		{"0", NULL, PEL_ROLE_WRITER},
		{"1", "maybe", PEL_ROLE_READER},
		{"OFF", "NO_LOCK", PEL_ROLE_READER},
		{"0", "NO_LOCK_NO_ADMIN", PEL_ROLE_READER},
		{NULL, NULL, PEL_ROLE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(pel_rows_role_of(cases[i].innodb_read_only, cases[i].read_only),
			cases[i].role);
}

/* 300 rows, the MASTER and the newest readers in the midst of them. */
static void a_flood_keeps_the_master_and_the_newest(void **state)
{
	static char text[65536];
	static struct cells c;
	struct pel_rows got;
	char *at = text;
	unsigned newest = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		unsigned age_us = i == 150 ? 170000000 : i >= 200 && i < 231 ? 1000 : 5000000 + i;

		at += sprintf(at, "%s1|i-%u|%u|5|9|%u|%u", i ? ";" : "", i, i == 150, age_us,
			age_us);
	}
	assert_int_equal(pel_rows_read(cells_of(&c, text, PEL_ROWS_COLUMNS), &got), 0);
	assert_int_equal(got.n_seen, 300);
	assert_int_equal(got.n, PEL_MAP_INSTANCES);
	assert_int_equal(got.n_surplus, 300 - PEL_MAP_INSTANCES);
	assert_string_equal(got.rows[got.master].id, "i-150");
	for (unsigned i = 0; i < got.n; i++)
		newest += got.rows[i].age_us == 0;
	assert_int_equal(newest, 31);
}

/* Whatever the cells hold, what comes out is within its bounds. */
static void random_cells_give_nothing_unsafe(void **state)
{
	static const char bytes[] = "0123456789-+.eEx;|;|;|aB_\xff/ Mm1";
	static char text[2048];
	static struct cells c;
	struct pel_rows got;

	(void)state;
	srand(3);
	for (unsigned i = 0; i < 50000; i++) {
		size_t n = (size_t)rand() % (sizeof(text) - 1);

		for (size_t k = 0; k < n; k++)
			text[k] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
		text[n] = '\0';
		(void)pel_rows_read(cells_of(&c, text, PEL_ROWS_COLUMNS), &got);
		assert_true(got.n <= PEL_MAP_INSTANCES);
		assert_true(got.master == PEL_NONE || got.rows[got.master].is_master);
		for (unsigned k = 0; k < got.n; k++) {
			assert_true(pel_name_is_label(got.rows[k].id));
			assert_true(got.rows[k].age_us >= 0);
			assert_true(got.rows[k].cpu_permille <= 1000 ||
				got.rows[k].cpu_permille == PEL_CPU_UNKNOWN);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(other_columns_are_no_answer),
		cmocka_unit_test(what_was_left_out_is_counted),
		cmocka_unit_test(lag_and_cpu_are_numbers_or_unknown),
		cmocka_unit_test(a_huge_lag_is_of_who_is_gone),
		cmocka_unit_test(the_newest_rows_age_dates_the_table),
		cmocka_unit_test(who_says_reader_by_either_variable_is_one),
		cmocka_unit_test(a_flood_keeps_the_master_and_the_newest),
		cmocka_unit_test(random_cells_give_nothing_unsafe),
	};

	return table_run("rows", TABLE_OF(rows, holds, others), NULL, NULL);
}
