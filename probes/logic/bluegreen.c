/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a blue/green switchover.
 *
 *   IDLE      no deployment, or one that is of no use any more
 *     -> READY     AVAILABLE
 *   READY     -> NEAR      INITIATED
 *   NEAR      -> HELD      IN_PROGRESS; READY if nothing comes of it for BLUEGREEN_CAP_NS
 *   HELD      -> AWAITED   connects have been held for as long as they may be
 *   IDLE      -> AWAITED   what is seen first is IN_PROGRESS or later: nobody knows since when, for the
 *                          table of a side that has been left stays as it was for ever
 *   HELD, AWAITED -> SWITCHED   green says that it takes writes, and that is to be believed
 *                 -> READY      AVAILABLE again: rolled back
 *                 -> IDLE       BLUEGREEN_CAP_NS later
 *   SWITCHED  -> IDLE      bluegreen_end(); or rolled back: AVAILABLE, and green takes no writes, or
 *                          blue does, which is still asked
 *
 * Statuses only advance, but for a rollback, which is told by a side that had told more.  No rows in the
 * midst of it say nothing; blue's table may stop at IN_PROGRESS, and green's too, so that none is waited
 * for after that one.
 *
 * Green can be made writable by hand, and then was before anything began.  So what it says counts if it
 * was seen to take no writes before and it was IN_PROGRESS when it began to; or if blue says that it
 * takes none; or if green's own table has it that there is no way back.
 */
#include "bluegreen.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

#define GREEN "-green-"

enum { COL_INNODB_READ_ONLY, COL_READ_ONLY, COL_ENDPOINT, COL_ROLE, COL_STATUS, COLUMNS };

static enum bluegreen_status status_of(const char *word)
{
	static const char *const words[] = {[BLUEGREEN_AVAILABLE] = "AVAILABLE",
		[BLUEGREEN_INITIATED] = "SWITCHOVER_INITIATED",
		[BLUEGREEN_IN_PROGRESS] = "SWITCHOVER_IN_PROGRESS",
		[BLUEGREEN_POST] = "SWITCHOVER_IN_POST_PROCESSING",
		[BLUEGREEN_COMPLETED] = "SWITCHOVER_COMPLETED"};
	unsigned i = BLUEGREEN_AVAILABLE;

	while (word && i < BLUEGREEN_ODD && strcmp(word, words[i]) != 0)
		i++;
	return word ? (enum bluegreen_status)i : BLUEGREEN_ODD;
}

static void take_row(const char *const *row, struct bluegreen_table *t)
{
	struct bluegreen_row *to = &t->rows[t->n];

	if (t->n == BLUEGREEN_ROWS || !row[COL_ENDPOINT] || !row[COL_ROLE] ||
		pel_name_normalise(row[COL_ENDPOINT], to->host) < 0)
		return;
	to->green = strcmp(row[COL_ROLE], "BLUE_GREEN_DEPLOYMENT_TARGET") == 0;
	if (!to->green && strcmp(row[COL_ROLE], "BLUE_GREEN_DEPLOYMENT_SOURCE") != 0)
		return;
	to->status = (uint8_t)status_of(row[COL_STATUS]);
	t->n++;
}

int bluegreen_read(const struct pel_cells *cells, struct bluegreen_table *ret)
{
	const char *const *row;

	ret->n = 0;
	ret->role = PEL_ROLE_UNKNOWN;
	ret->open = false;
	if (cells->n_columns != COLUMNS)
		return -EPROTO;
	while ((row = cells->next(cells->context))) {
		ret->role = pel_rows_role(row[COL_INNODB_READ_ONLY]);
		ret->open = pel_rows_role_of(row[COL_INNODB_READ_ONLY], row[COL_READ_ONLY]) ==
			PEL_ROLE_WRITER;
		take_row(row, ret);
	}
	return 0;
}

enum bluegreen_status bluegreen_told(const struct bluegreen_table *table, enum bluegreen_side side)
{
	enum bluegreen_status first = BLUEGREEN_NONE;

	for (unsigned i = 0; i < table->n; i++) {
		const struct bluegreen_row *r = &table->rows[i];

		if (r->green != (side == BLUEGREEN_GREEN))
			continue;
		if (pel_name_kind(r->host) == PEL_KIND_WRITER)
			return (enum bluegreen_status)r->status;
		if (first == BLUEGREEN_NONE)
			first = (enum bluegreen_status)r->status;
	}
	return first;
}

bool bluegreen_base(const char *green, char ret[static PEL_NAME_MAX])
{
	size_t label = strcspn(green, "."), at = label, n = strlen(green);

	while (at > 0 && green[at - 1] != '-')
		at--;
	if (n >= PEL_NAME_MAX || at == label || at <= strlen(GREEN) ||
		strncmp(green + at - strlen(GREEN), GREEN, strlen(GREEN)) != 0)
		return false;
	at -= strlen(GREEN);
	memcpy(ret, green, at);
	memcpy(ret + at, green + label, n - label + 1);
	return true;
}

bool bluegreen_is_late(const struct bluegreen *b, uint64_t now_ns)
{
	return b->begun_ns && now_ns >= b->begun_ns + BLUEGREEN_CAP_NS;
}

/* A deployment as it is seen first: nothing of an earlier one counts. */
static void begin(struct bluegreen *b, enum bluegreen_status status)
{
	*b = (struct bluegreen){.status = (uint8_t)status,
		.told = {b->told[0], b->told[1]},
		.came = status == BLUEGREEN_AVAILABLE,
		.blue_shut = b->blue_shut,
		.green_shut = b->green_shut,
		.green_open = b->green_open,
		.hold_ns = b->hold_ns};
}

static void advance(struct bluegreen *b, enum bluegreen_status status, uint64_t now_ns)
{
	bool late = status >= BLUEGREEN_IN_PROGRESS;

	b->came |= !late;
	if (status >= BLUEGREEN_INITIATED && (!b->begun_ns || (late && !b->held_ns)))
		b->begun_ns = now_ns;
	if (late && b->came && !b->held_ns)
		b->held_ns = now_ns;
	b->spent |= status == BLUEGREEN_COMPLETED && !b->came && b->step != BLUEGREEN_SWITCHED;
	b->status = (uint8_t)status;
}

/* It says less than it did.  Blue is asked no more once green stands for it. */
static void retreat(struct bluegreen *b, const struct bluegreen_word *w)
{
	if (w->status == BLUEGREEN_AVAILABLE) {
		if (b->step != BLUEGREEN_SWITCHED)
			begin(b, BLUEGREEN_AVAILABLE);
		else if (!w->bystander && w->open == (w->side == BLUEGREEN_BLUE))
			(void)bluegreen_end(b);
	} else if (w->status == BLUEGREEN_NONE) {
		if (b->step == BLUEGREEN_SWITCHED)
			b->status = BLUEGREEN_COMPLETED;
		else if (b->status == BLUEGREEN_AVAILABLE)
			begin(b, BLUEGREEN_NONE);
	}
}

static void take_status(struct bluegreen *b, const struct bluegreen_word *w, uint64_t now_ns)
{
	enum bluegreen_status was = (enum bluegreen_status)b->told[w->side];

	if (w->status == BLUEGREEN_ODD)
		return;
	b->told[w->side] = (uint8_t)w->status;
	if (b->spent) {
		if (w->status <= BLUEGREEN_AVAILABLE)
			begin(b, w->status);
	} else if (w->status > b->status) {
		advance(b, w->status, now_ns);
	} else if (w->status < was) {
		retreat(b, w);
	}
}

static void take_role(struct bluegreen *b, const struct bluegreen_word *w)
{
	if (w->bystander)
		return;
	if (w->side == BLUEGREEN_BLUE) {
		b->blue_shut = !w->open;
		return;
	}
	if (!w->open)
		b->opened = false;
	else if (b->green_shut)
		b->opened = b->status >= BLUEGREEN_IN_PROGRESS;
	b->green_shut = !w->open;
	b->green_open = w->open;
}

static bool may_switch(const struct bluegreen *b)
{
	return b->green_open &&
		(b->blue_shut ||
			(b->came && (b->opened || b->told[BLUEGREEN_GREEN] >= BLUEGREEN_POST)));
}

enum bluegreen_step bluegreen_tick(struct bluegreen *b, uint64_t now_ns)
{
	bool late = bluegreen_is_late(b, now_ns);

	if (b->step == BLUEGREEN_SWITCHED)
		return BLUEGREEN_SWITCHED;
	if (late && b->status >= BLUEGREEN_IN_PROGRESS)
		b->spent = true;
	if (b->spent || b->status == BLUEGREEN_NONE)
		b->step = BLUEGREEN_IDLE;
	else if (b->status == BLUEGREEN_AVAILABLE || late)
		b->step = BLUEGREEN_READY;
	else if (b->status == BLUEGREEN_INITIATED)
		b->step = BLUEGREEN_NEAR;
	else if (may_switch(b))
		b->step = BLUEGREEN_SWITCHED;
	else if (b->held_ns && now_ns < b->held_ns + b->hold_ns)
		b->step = BLUEGREEN_HELD;
	else
		b->step = BLUEGREEN_AWAITED;
	return (enum bluegreen_step)b->step;
}

enum bluegreen_step bluegreen_feed(struct bluegreen *b, const struct bluegreen_word *word,
	uint64_t now_ns)
{
	take_status(b, word, now_ns);
	take_role(b, word);
	return bluegreen_tick(b, now_ns);
}

enum bluegreen_step bluegreen_end(struct bluegreen *b)
{
	*b = (struct bluegreen){.spent = true, .hold_ns = b->hold_ns};
	return BLUEGREEN_IDLE;
}

enum pace_kind bluegreen_pace(const struct bluegreen *b)
{
	static const enum pace_kind paces[] = {[BLUEGREEN_IDLE] = PACE_GREEN,
		[BLUEGREEN_READY] = PACE_GREEN_READY,
		[BLUEGREEN_NEAR] = PACE_GREEN_NEAR,
		[BLUEGREEN_HELD] = PACE_GREEN_NOW,
		[BLUEGREEN_AWAITED] = PACE_GREEN_NOW,
		[BLUEGREEN_SWITCHED] = PACE_GREEN_NEAR};

	return b->step == BLUEGREEN_SWITCHED && b->status == BLUEGREEN_COMPLETED ? PACE_GREEN_READY
										 : paces[b->step];
}

uint64_t bluegreen_deadline(const struct bluegreen *b)
{
	switch ((enum bluegreen_step)b->step) {
	case BLUEGREEN_HELD:
		return b->held_ns + b->hold_ns;
	case BLUEGREEN_NEAR:
	case BLUEGREEN_AWAITED:
		return b->begun_ns + BLUEGREEN_CAP_NS;
	default:
		return UINT64_MAX;
	}
}

const char *bluegreen_word_of(enum bluegreen_step step)
{
	static const char *const words[] = {[BLUEGREEN_IDLE] = "none",
		[BLUEGREEN_READY] = "available",
		[BLUEGREEN_NEAR] = "initiated",
		[BLUEGREEN_HELD] = "held",
		[BLUEGREEN_AWAITED] = "awaited",
		[BLUEGREEN_SWITCHED] = "switched"};

	return words[step];
}
