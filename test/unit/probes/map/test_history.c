/* SPDX-License-Identifier: Apache-2.0 */
/* What the prober keeps by the hour, in a file that may be anything. */
#include "map/history.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR 3600

static char path[32];
static int dir;
static struct pel_history file;

static int place_open(void **state)
{
	strcpy(path, "/tmp/pelorus-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	return 0;
}

static int place_close(void **state)
{
	(void)unlinkat(dir, PEL_HISTORY_FILE, 0);
	(void)close(dir);
	return rmdir(path);
}

static void file_read(void)
{
	int fd = openat(dir, PEL_HISTORY_FILE, O_RDONLY);

	memset(&file, 0, sizeof(file));
	assert_true(read(fd, &file, sizeof(file)) >= (ssize_t)offsetof(struct pel_history, fill));
	close(fd);
	assert_int_equal(file.count, PEL_HISTORY_ROWS);
	assert_int_equal(file.row_size, sizeof(struct pel_history_row));
}

static void add(struct history *h, int64_t now_s, const char *program, uint32_t held)
{
	const struct pel_history_counts counts = {.held = held, .wrong = 1};

	history_add(h, now_s, "db.example", program, &counts);
}

static void what_belongs_together_is_one_row_across_starts(void **state)
{
	struct history *h = history_open(dir, 0600);

	add(h, 10 * HOUR, "php-fpm", 2);
	add(h, 10 * HOUR + 5, "node", 1);
	add(h, 10 * HOUR + 9, "php-fpm", 3);
	history_close(h);
	h = history_open(dir, 0600);
	add(h, 10 * HOUR + 10, "php-fpm", 4);
	add(h, 11 * HOUR, "php-fpm", 5);
	add(h, 12 * HOUR, "exactly-16-bytes", 6);
	history_close(h);
	history_add(NULL, 0, "db.example", "", &file.rows[0].counts);
	file_read();
	assert_int_equal(file.written, 4);
	assert_int_equal(file.rows[0].hour, 10);
	assert_int_equal(file.rows[0].counts.held, 9);
	assert_int_equal(file.rows[0].counts.wrong, 3);
	assert_string_equal(file.rows[0].cluster, "db.example");
	assert_string_equal(file.rows[1].program, "node");
	assert_int_equal(file.rows[2].counts.held, 5);
	assert_memory_equal(file.rows[3].program, "exactly-16-bytes", 16);
}

static void the_oldest_rows_make_room(void **state)
{
	struct history *h = history_open(dir, 0600);

	for (int64_t i = 0; i < PEL_HISTORY_ROWS + 3; i++)
		add(h, (i + 1) * HOUR, "node", 1);
	history_close(h);
	file_read();
	assert_int_equal(file.written, PEL_HISTORY_ROWS + 3);
	assert_int_equal(file.rows[2].hour, PEL_HISTORY_ROWS + 3);
	assert_int_equal(file.rows[3].hour, 4);
}

/* Whoever writes slots may call itself what it likes, and otherwise than before all the time. */
static void many_programs_leave_what_others_did(void **state)
{
	struct history *h = history_open(dir, 0600);
	char name[16] = "";

	add(h, HOUR, "node", 7);
	for (unsigned i = 0; i < 2 * PEL_HISTORY_ROWS; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		add(h, 2 * HOUR, name, 1);
	}
	add(h, 2 * HOUR, "0", 1);
	history_close(h);
	file_read();
	assert_int_equal(file.written, 1 + HISTORY_PROGRAMS + 1);
	assert_int_equal(file.rows[0].counts.held, 7);
	assert_int_equal(file.rows[1].counts.held, 2);
	assert_string_equal(file.rows[1 + HISTORY_PROGRAMS].program, "(others)");
	assert_int_equal(file.rows[1 + HISTORY_PROGRAMS].counts.held,
		2 * PEL_HISTORY_ROWS - HISTORY_PROGRAMS);
}

/* Where many clusters are observed, each sweep tells of all their programs. */
static void many_clusters_leave_what_others_did(void **state)
{
	const struct pel_history_counts counts = {.elsewhere = 1};
	struct history *h = history_open(dir, 0600);
	char cluster[16], program[16];

	add(h, HOUR, "node", 7);
	for (unsigned i = 0; i < 64 * 20 * 5; i++) {
		(void)snprintf(cluster, sizeof(cluster), "db%u", i % 64);
		(void)snprintf(program, sizeof(program), "%u", i / 64 % 20);
		history_add(h, 2 * HOUR, cluster, program, &counts);
		history_add(h, 2 * HOUR, cluster, "", &counts);
	}
	history_close(h);
	file_read();
	assert_true(file.written < PEL_HISTORY_ROWS / 4);
	assert_int_equal(file.rows[0].counts.held, 7);
	assert_int_equal(file.rows[1].counts.elsewhere, 5);
}

static void what_is_no_history_is_begun_anew(void **state)
{
	int fd = openat(dir, PEL_HISTORY_FILE, O_RDWR | O_CREAT, 0600);
	struct history *h;

	assert_int_equal(write(fd, "something else", 14), 14);
	close(fd);
	h = history_open(dir, 0600);
	add(h, HOUR, "node", 1);
	history_close(h);
	file_read();
	assert_int_equal(file.written, 1);
	assert_int_equal(symlinkat("/etc/passwd", dir, "elsewhere"), 0);
	assert_int_equal(renameat(dir, "elsewhere", dir, PEL_HISTORY_FILE), 0);
	assert_null(history_open(dir, 0600));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_belongs_together_is_one_row_across_starts),
		CASE(the_oldest_rows_make_room),
		CASE(many_programs_leave_what_others_did),
		CASE(many_clusters_leave_what_others_did),
		CASE(what_is_no_history_is_begun_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
