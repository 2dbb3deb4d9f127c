/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of replica_host_status, checked cell by cell.
 *
 * Time.  Each row comes with its age by two clocks of the server, the session's NOW() and UTC, for
 * the table is written in one of them whatever the session's zone.  The clock by which more rows
 * have a sane age is the table's.  A row from the future by that clock has no usable time, unless
 * all are (then neither clock is the table's, and only differences between rows mean anything).
 * What the caller gets is relative to the newest usable row.
 *
 * Room.  No more than PEL_MAP_INSTANCES rows are kept: MASTER rows first, then the newest.
 */
#include "rows.h"

#include "names.h"

#include <errno.h>
#include <string.h>

#define ROWS_FUTURE_US INT64_C(-60000000) /* clocks of hosts differ by less */
#define ROWS_DATED_US INT64_C(60000000)   /* a newest row older than this tells no time */

enum { COL_ROLE, COL_ID, COL_MASTER, COL_CPU, COL_LAG, COL_AGE, COL_AGE_UTC };

/* Both ages of each kept row, as long as it is not known which clock is the table's. */
struct row_ages {
	int64_t us[2];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Thousandths of a decimal number, saturating; false for what is no number or is negative. */
static bool parse_milli(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	int decimals = -1;

	if (!text || !is_digit(*text))
		return false;
	for (; is_digit(*text) || (*text == '.' && decimals < 0); text++) {
		if (*text == '.')
			decimals = 0;
		else if (decimals < 3 && value < UINT64_MAX / 100000) {
			value = value * 10 + (uint64_t)(*text - '0');
			decimals += decimals >= 0;
		}
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 3; decimals++)
		value *= 10;
	/* The server writes an exponent for huge and for tiny doubles only. */
	if (*text == 'e' || *text == 'E') {
		value = text[1] == '-' ? 0 : UINT64_MAX / 100000;
		text++;
		text += *text == '-' || *text == '+';
		while (is_digit(*text))
			text++;
	}
	*ret = value;
	return *text == '\0';
}

/* Whole microseconds with sign; PEL_AGE_UNKNOWN for NULL and for what is no number. */
static int64_t parse_age(const char *text)
{
	bool negative = text && *text == '-';
	int64_t value = 0;

	text = negative ? text + 1 : text;
	if (!text || !is_digit(*text))
		return PEL_AGE_UNKNOWN;
	for (; is_digit(*text); text++) {
		if (value > INT64_MAX / 100)
			return PEL_AGE_UNKNOWN;
		value = value * 10 + (*text - '0');
	}
	if (*text != '\0')
		return PEL_AGE_UNKNOWN;
	return negative ? -value : value;
}

enum pel_role pel_rows_role(const char *read_only)
{
	static const struct {
		const char *text;
		enum pel_role role;
	} words[] = {
		{"0", PEL_ROLE_WRITER},
		{"OFF", PEL_ROLE_WRITER},
		{"1", PEL_ROLE_READER},
		{"ON", PEL_ROLE_READER},
		{"NO_LOCK", PEL_ROLE_READER}, /* this and the next: MariaDB from 12 on */
		{"NO_LOCK_NO_ADMIN", PEL_ROLE_READER},
	};

	for (size_t i = 0; read_only && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(read_only, words[i].text) == 0)
			return words[i].role;
	}
	return PEL_ROLE_UNKNOWN;
}

enum pel_role pel_rows_role_of(const char *innodb_read_only, const char *read_only)
{
	enum pel_role innodb = pel_rows_role(innodb_read_only), other = pel_rows_role(read_only);

	return innodb == PEL_ROLE_UNKNOWN || other == PEL_ROLE_READER ? other : innodb;
}

/* A row without its age; false if its id is not one DNS label. */
static bool row_parse(const char *const *cells, struct pel_row *ret)
{
	char id[PEL_NAME_MAX];
	uint64_t milli;

	if (!pel_name_is_label(cells[COL_ID]) || pel_name_normalise(cells[COL_ID], id) < 0)
		return false;
	*ret = (struct pel_row){
		.is_master = cells[COL_MASTER] && strcmp(cells[COL_MASTER], "1") == 0,
		.cpu_permille = PEL_CPU_UNKNOWN,
		.lag_ms = PEL_LAG_UNKNOWN,
		.age_us = PEL_AGE_UNKNOWN,
	};
	strcpy(ret->id, id);
	if (parse_milli(cells[COL_CPU], &milli))
		ret->cpu_permille = milli >= 100000 ? 1000 : (uint16_t)(milli / 100);
	if (parse_milli(cells[COL_LAG], &milli)) {
		milli /= 1000;
		ret->lag_ms = milli >= PEL_LAG_UNKNOWN ? PEL_LAG_UNKNOWN - 1 : (uint32_t)milli;
	}
	return true;
}

/* True if row a has to be kept rather than b. */
static bool row_outranks(const struct pel_row *a, const struct row_ages *a_ages,
	const struct pel_row *b, const struct row_ages *b_ages)
{
	if (a->is_master != b->is_master)
		return a->is_master;
	return a_ages->us[0] < b_ages->us[0];
}

static unsigned rows_find(const struct pel_rows *rows, const char *id)
{
	for (unsigned i = 0; i < rows->n; i++) {
		if (strcmp(rows->rows[i].id, id) == 0)
			return i;
	}
	return PEL_NONE;
}

/* Keeps a row: in a free place, in that of an older row of the same id, or of a lesser row. */
static void rows_keep(struct pel_rows *rows, struct row_ages *ages, const struct pel_row *row,
	const struct row_ages *age)
{
	unsigned at = rows_find(rows, row->id);

	if (at != PEL_NONE) {
		rows->n_refused++;
		if (age->us[0] >= ages[at].us[0])
			return;
	} else if (rows->n < PEL_MAP_INSTANCES) {
		at = rows->n++;
	} else {
		rows->n_surplus++;
		at = 0;
		for (unsigned i = 1; i < rows->n; i++) {
			if (row_outranks(&rows->rows[at], &ages[at], &rows->rows[i], &ages[i]))
				at = i;
		}
		if (!row_outranks(row, age, &rows->rows[at], &ages[at]))
			return;
	}
	rows->rows[at] = *row;
	ages[at] = *age;
}

static bool age_is_sane(int64_t age_us)
{
	return age_us != PEL_AGE_UNKNOWN && age_us >= ROWS_FUTURE_US;
}

/* How far a clock's newest sane row is from now; the smaller, the likelier the table's clock. */
static int64_t clock_distance(const struct pel_rows *rows, const struct row_ages *ages, int clock,
	unsigned *ret_sane)
{
	int64_t nearest = PEL_AGE_UNKNOWN;

	*ret_sane = 0;
	for (unsigned i = 0; i < rows->n; i++) {
		int64_t age = ages[i].us[clock];

		if (!age_is_sane(age))
			continue;
		(*ret_sane)++;
		if (age < nearest)
			nearest = age;
	}
	return nearest < 0 ? -nearest : nearest;
}

static int clock_choose(const struct pel_rows *rows, const struct row_ages *ages)
{
	unsigned sane[2];
	int64_t local = clock_distance(rows, ages, 0, &sane[0]);
	int64_t utc = clock_distance(rows, ages, 1, &sane[1]);

	if (sane[0] != sane[1])
		return sane[1] > sane[0];
	return utc < local;
}

/* Settles every row's age against the newest usable one. */
static void rows_date(struct pel_rows *rows, const struct row_ages *ages)
{
	int clock = clock_choose(rows, ages);
	int64_t newest = PEL_AGE_UNKNOWN;
	unsigned sane;

	(void)clock_distance(rows, ages, clock, &sane);
	for (unsigned i = 0; i < rows->n; i++) {
		int64_t age = ages[i].us[clock];

		if (age == PEL_AGE_UNKNOWN || (sane > 0 && !age_is_sane(age))) {
			rows->n_garbage++;
			continue;
		}
		rows->rows[i].age_us = age;
		if (age < newest)
			newest = age;
	}
	for (unsigned i = 0; i < rows->n; i++) {
		if (rows->rows[i].age_us != PEL_AGE_UNKNOWN)
			rows->rows[i].age_us -= newest;
	}
	rows->newest_us = sane > 0 && newest <= ROWS_DATED_US ? newest : PEL_AGE_UNKNOWN;
}

static bool row_is_gone(const struct pel_row *row)
{
	if (row->is_master)
		return false;
	if (row->lag_ms != PEL_LAG_UNKNOWN && row->lag_ms >= PEL_ROWS_LAG_GONE_MS)
		return true;
	return row->age_us != PEL_AGE_UNKNOWN && row->age_us > PEL_ROWS_STALE_US;
}

/* Drops what is gone, and finds the newest MASTER among the rest. */
static void rows_settle(struct pel_rows *rows)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rows->n; i++) {
		if (row_is_gone(&rows->rows[i])) {
			rows->n_stale++;
			continue;
		}
		if (n != i)
			rows->rows[n] = rows->rows[i];
		if (rows->rows[n].is_master) {
			if (rows->master == PEL_NONE ||
				rows->rows[n].age_us < rows->rows[rows->master].age_us)
				rows->master = (uint8_t)n;
		}
		n++;
	}
	rows->n = (uint8_t)n;
}

int pel_rows_read(const struct pel_cells *cells, struct pel_rows *ret)
{
	struct row_ages ages[PEL_MAP_INSTANCES];
	const char *const *row;

	if (cells->n_columns != PEL_ROWS_COLUMNS)
		return -EPROTO;
	*ret = (struct pel_rows){.master = PEL_NONE, .newest_us = PEL_AGE_UNKNOWN};
	while ((row = cells->next(cells->context))) {
		struct row_ages age = {{parse_age(row[COL_AGE]), parse_age(row[COL_AGE_UTC])}};
		struct pel_row parsed;

		if (ret->role == PEL_ROLE_UNKNOWN)
			ret->role = pel_rows_role(row[COL_ROLE]);
		if (!row[COL_ID])
			continue;
		/* A hostile server may send rows without end: the rest is not looked at. */
		if (ret->n_seen == UINT16_MAX)
			continue;
		ret->n_seen++;
		if (row_parse(row, &parsed))
			rows_keep(ret, ages, &parsed, &age);
		else
			ret->n_refused++;
	}
	rows_date(ret, ages);
	rows_settle(ret);
	return ret->n > 0 ? 0 : -ENODATA;
}
