/* SPDX-License-Identifier: Apache-2.0 */
/* The named locks by which the probers of many hosts share one warm-up. */
#include "lock.h"

#include "common/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BITS 14     /* of a number of statements */
#define FIRST_BIT 2 /* column of the first */

_Static_assert(1u << BITS > 10000, "warm-up-limit");

struct query {
	const char *id;
	char *text;
	size_t n;
	bool any;
};

/* Adds FUNCTION('name of the lock', more). */
static void add(struct query *q, const char *function, const char *more, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct query *q, const char *function, const char *more, const char *format, ...)
{
	char part[16];
	va_list args;
	int n;

	va_start(args, format);
	(void)vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	/* By its hash: a name has 64 characters at most, and an id may have as many. */
	n = snprintf(q->text + q->n, WARM_LOCK_QUERY_MAX - q->n,
		"%s%s('pelorus.warm.%016" PRIx64 "%s'%s)", q->any ? ", " : "SELECT ", function,
		pel_name_hash(q->id), part, more);
	q->n += n > 0 ? (size_t)n : 0;
	q->any = true;
}

static struct query begin(const char *id, char *text)
{
	return (struct query){.id = id, .text = text};
}

void warm_lock_ask(const char *id, char ret[static WARM_LOCK_QUERY_MAX])
{
	struct query q = begin(id, ret);

	add(&q, "GET_LOCK", ", 0", "%s", "");
	add(&q, "IS_USED_LOCK", "", ".done");
	for (int bit = BITS - 1; bit >= 0; bit--)
		add(&q, "IS_USED_LOCK", "", ".t%d", bit);
	for (int bit = BITS - 1; bit >= 0; bit--)
		add(&q, "IS_USED_LOCK", "", ".d%d", bit);
}

static unsigned number(const char *const *cells)
{
	unsigned n = 0;

	for (int i = 0; i < BITS; i++)
		n = 2 * n + (cells[i] ? 1 : 0);
	return n;
}

struct warm_lock_look warm_lock_read(const char *const *row, unsigned n)
{
	if (!row || n != FIRST_BIT + 2 * BITS)
		return (struct warm_lock_look){0};
	return (struct warm_lock_look){
		.got = row[0] && strcmp(row[0], "1") == 0,
		.warmed = row[1],
		.total = number(row + FIRST_BIT),
		.done = number(row + FIRST_BIT + BITS),
	};
}

static void tell(struct query *q, const char *function, const char *more, char what, unsigned bits)
{
	for (int bit = BITS - 1; bit >= 0; bit--) {
		if (bits & 1u << bit)
			add(q, function, more, ".%c%d", what, bit);
	}
}

bool warm_lock_tell(const char *id, const struct warm_lock_look *was,
	const struct warm_lock_look *is, char ret[static WARM_LOCK_QUERY_MAX])
{
	struct query q = begin(id, ret);

	tell(&q, "RELEASE_LOCK", "", 'd', was->done & ~is->done);
	tell(&q, "RELEASE_LOCK", "", 't', was->total & ~is->total);
	tell(&q, "GET_LOCK", ", 0", 't', is->total & ~was->total);
	tell(&q, "GET_LOCK", ", 0", 'd', is->done & ~was->done);
	return q.any;
}

void warm_lock_done(const char *id, char ret[static WARM_LOCK_QUERY_MAX])
{
	struct query q = begin(id, ret);

	add(&q, "GET_LOCK", ", 0", ".done");
	add(&q, "RELEASE_LOCK", "", "%s", "");
}

bool warm_lock_is_refused(unsigned error)
{
	/* ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE */
	return error == 1290 || error == 1792 || error == 1836;
}
