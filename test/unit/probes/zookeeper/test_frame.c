/* SPDX-License-Identifier: Apache-2.0 */
/* What of a ZooKeeper server's words the client may read. */
#include "zookeeper/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PEER(xid, error) xid, 0, 77, error /* with a zxid of 77 */

struct row {
	const char *what;
	int32_t words[8]; /* size, xid, zxid, error, and what follows */
	enum frame_asked asked;
	int expected;
};

static const struct row rows[] = {
	{"a ping's answer", {16, PEER(-2, 0)}, FRAME_NOTHING, 0},
	{"watches that were set", {16, PEER(-8, 0)}, FRAME_NOTHING, 0},
	{"a change of /ab", {31, PEER(-1, 0), 3, 3, 3}, FRAME_NOTHING, 0},
	{"data of 5 bytes", {16 + 4 + 5 + 68, PEER(100, 0), 5}, FRAME_DATA, 0},
	{"empty data", {16 + 4 + 68, PEER(100, 0), 0}, FRAME_DATA, 0},
	{"no data", {16 + 4 + 68, PEER(100, 0), -1}, FRAME_DATA, 0},
	{"no such node", {16, PEER(100, -101)}, FRAME_DATA, 0},
	{"a stat", {16 + 68, PEER(100, 0)}, FRAME_STAT, 0},
	{"no such node, still", {16, PEER(100, -101)}, FRAME_STAT, 0},
	{"a node of 1 MiB", {16 + 4 + 1048576 + 68, PEER(100, 0), 1048576}, FRAME_DATA, 0},

	{"an answer to nothing", {16, PEER(100, 0)}, FRAME_NOTHING, -EPROTO},
	{"an error of nothing", {16, PEER(100, -101)}, FRAME_NOTHING, -EPROTO},
	{"an authentication", {16, PEER(-4, 0)}, FRAME_DATA, -EPROTO},
	{"less than a header", {15, PEER(-2, 0)}, FRAME_NOTHING, -EPROTO},
	{"a negative size", {-1, PEER(-2, 0)}, FRAME_NOTHING, -EPROTO},
	{"two gigabytes", {INT32_MAX, PEER(100, 0), 5}, FRAME_DATA, -EPROTO},
	{"a long ping", {17, PEER(-2, 0)}, FRAME_NOTHING, -EPROTO},
	{"an event without a path", {16, PEER(-1, 0)}, FRAME_NOTHING, -EPROTO},
	{"an event of an empty path", {28, PEER(-1, 0), 3, 3, 0}, FRAME_NOTHING, -EPROTO},
	{"a path that is shorter", {32, PEER(-1, 0), 3, 3, 3}, FRAME_NOTHING, -EPROTO},
	{"a path that is longer", {31, PEER(-1, 0), 3, 3, 4}, FRAME_NOTHING, -EPROTO},
	{"a path of -1", {27, PEER(-1, 0), 3, 3, -1}, FRAME_NOTHING, -EPROTO},
	{"an event of the session", {31, PEER(-1, 0), -1, 3, 3}, FRAME_NOTHING, -EPROTO},
	{"data without a stat", {16 + 4 + 5, PEER(100, 0), 5}, FRAME_DATA, -EPROTO},
	{"data that are longer", {16 + 4 + 5 + 68, PEER(100, 0), 6}, FRAME_DATA, -EPROTO},
	{"data of -2 bytes", {16 + 4 - 2 + 68, PEER(100, 0), -2}, FRAME_DATA, -EPROTO},
	{"data of the largest size", {16 + 4 + 68, PEER(100, 0), INT32_MAX}, FRAME_DATA, -EPROTO},
	{"a header for data", {16, PEER(100, 0)}, FRAME_DATA, -EPROTO},
	{"half a stat", {16 + 34, PEER(100, 0)}, FRAME_STAT, -EPROTO},
};

/* Big-endian, and filled up as by a next frame. */
static void head_of(const struct row *row, uint8_t ret[static FRAME_HEAD])
{
	for (unsigned i = 0; i < FRAME_HEAD; i++)
		ret[i] = (uint8_t)((uint32_t)row->words[i / 4] >> (24 - i % 4 * 8));
}

static void frames_are_judged_by_their_heads(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t head[FRAME_HEAD];

		head_of(&rows[i], head);
		if (frame_judge(head, sizeof(head), rows[i].asked) != rows[i].expected)
			fail_msg("%s", rows[i].what);
	}
}

/* Byte by byte it is never another answer: more is wanted, until it is the whole one's. */
static void what_is_short_is_awaited(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t head[FRAME_HEAD];
		size_t n = 0;
		int r;

		head_of(&rows[i], head);
		while ((r = frame_judge(head, n, rows[i].asked)) > 0) {
			assert_true((size_t)r > n && r <= FRAME_HEAD);
			n = (size_t)r;
		}
		assert_int_equal(r, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_judged_by_their_heads),
		cmocka_unit_test(what_is_short_is_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
