/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a prober alive and lets it end: kept requests, wanted names, its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/follows.h"
#include "process/keep.h"
#include "process/station.h"

#include <pelorus/control.h>
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static unsigned keep_count(const struct keep *keep)
{
	size_t at = 0, n;
	unsigned count = 0;

	while (keep_next(keep, &at, &n))
		count++;
	return count;
}

static int keep_text(struct keep *keep, const char *text)
{
	return keep_add(keep, text, strlen(text));
}

static void a_request_is_kept_once(void **state)
{
	struct keep *keep = keep_new();

	assert_int_equal(keep_text(keep, "follow\nname=a\n"), 1);
	assert_int_equal(keep_text(keep, "follow\nname=a\n"), 0);
	assert_int_equal(keep_text(keep, "follow\nname=a\nuser=u\n"), 1);
	assert_int_equal(keep_text(keep, "follow\nname=b\n"), 1);
	assert_int_equal(keep_count(keep), 3);
	keep_free(keep);
}

static void a_forgotten_name_leaves_the_others(void **state)
{
	struct keep *keep = keep_new();
	size_t at = 0, n;
	const char *rest;

	keep_text(keep, "follow\nname=a\nuser=u\npassword=p\n");
	keep_text(keep, "follow\nname=ab\n");
	keep_text(keep, "follow\nname=a\n");
	assert_true(keep_has(keep, "a"));
	assert_false(keep_has(keep, "b"));
	keep_forget(keep, "a");
	assert_false(keep_has(keep, "a"));
	assert_int_equal(keep_count(keep), 1);
	rest = keep_next(keep, &at, &n);
	assert_int_equal(n, strlen("follow\nname=ab\n"));
	assert_memory_equal(rest, "follow\nname=ab\n", n);
	keep_forget(keep, "ab");
	assert_int_equal(keep_count(keep), 0);
	keep_free(keep);
}

static void one_request_is_dropped(void **state)
{
	static const char *const texts[] = {"follow\nname=a\nuser=u\npassword=old\n",
		"follow\nname=a\nuser=u\npassword=new\n", "follow\nname=a\n"};
	struct keep *keep = keep_new();
	size_t at = 0, n;

	for (unsigned i = 0; i < 3; i++)
		keep_text(keep, texts[i]);
	keep_drop(keep, texts[0], strlen(texts[0]));
	keep_drop(keep, texts[0], strlen(texts[0]));
	keep_drop(keep, texts[1], strlen(texts[1]) - 1);
	for (unsigned i = 1; i < 3; i++)
		assert_memory_equal(keep_next(keep, &at, &n), texts[i], strlen(texts[i]));
	assert_null(keep_next(keep, &at, &n));
	keep_free(keep);
}

static void what_is_kept_is_bounded(void **state)
{
	struct keep *keep = keep_new();
	char text[PEL_CONTROL_MAX + 1];
	unsigned kept = 0;

	memset(text, 'x', sizeof(text));
	assert_int_equal(keep_add(keep, text, PEL_CONTROL_MAX + 1), -ENOSPC);
	for (unsigned i = 0; i < 1000; i++) {
		(void)sprintf(text, "%u", i);
		kept += keep_add(keep, text, PEL_CONTROL_MAX) == 1;
	}
	assert_in_range(kept, 100, KEEP_SIZE / PEL_CONTROL_MAX);
	assert_int_equal(keep_count(keep), kept);
	keep_free(keep);
}

static void a_name_that_nobody_wants_expires(void **state)
{
	struct follows *f = follows_new();
	const uint64_t late = 10 * SECOND + FOLLOWS_UNWANTED_NS;

	assert_int_equal(follows_add(f, "a", false, 0), 0);
	assert_int_equal(follows_add(f, "b", false, 0), 0);
	assert_int_equal(follows_add(f, "c", true, 0), 0);
	follows_want(f, pel_name_hash("b"), 20 * SECOND);
	follows_want(f, pel_name_hash("not followed"), 20 * SECOND);
	assert_null(follows_expire(f, FOLLOWS_UNWANTED_NS - 1));
	assert_string_equal(follows_expire(f, late), "a");
	assert_null(follows_expire(f, late));
	assert_string_equal(follows_expire(f, late + 20 * SECOND), "b");
	assert_null(follows_expire(f, 100 * late));
	assert_true(follows_any_permanent(f));
	assert_int_equal(follows_add(f, "c", false, 100 * late), 0); /* stays permanent */
	assert_null(follows_expire(f, 200 * late));
	follows_free(f);
}

struct fixture {
	char dir[64];
	int dirfd;
};

/* A directory with nothing in it. */
static int setup(void **state)
{
	static struct fixture f;

	strcpy(f.dir, "/tmp/test_life.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	f.dirfd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	close(f->dirfd);
	(void)sprintf(command, "rm -rf %s", f->dir);
	return system(command);
}

static struct pel_rundir explicit_dir(const char *path)
{
	struct pel_rundir dir;

	assert_int_equal(pel_rundir_choose(path, geteuid(), &dir), 0);
	return dir;
}

static void there_is_one_place_in_a_directory(void **state)
{
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station a, b;

	assert_int_equal(station_open(&dir, &a), 0);
	assert_int_equal(station_open(&dir, &b), -EBUSY);
	assert_true(station_is_intact(&a));
	assert_false(a.shared);
	station_close(&a);
	assert_int_equal(station_open(&dir, &b), 0);
	station_close(&b);
}

static void a_place_that_was_taken_away_is_noticed(void **state)
{
	static const char *const files[] = {"lock", "control"};
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station s;
	char moved[80];

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(station_open(&dir, &s), 0);
		assert_int_equal(unlinkat(f->dirfd, files[i], 0), 0);
		assert_false(station_is_intact(&s));
		station_close(&s);
	}
	assert_int_equal(station_open(&dir, &s), 0);
	(void)snprintf(moved, sizeof(moved), "%s.moved", f->dir);
	assert_int_equal(rename(f->dir, moved), 0);
	assert_false(station_is_intact(&s));
	assert_int_equal(rename(moved, f->dir), 0);
	assert_true(station_is_intact(&s));
	station_close(&s);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct pel_rundir dir = explicit_dir(f->dir);
	struct station s;

	assert_int_equal(chmod(f->dir, 0770), 0);
	assert_int_equal(station_open(&dir, &s), -EPERM);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(station_open(&dir, &s), 0);
	assert_true(s.shared);
	assert_int_equal(station_read_mode(&s), 0444);
	station_close(&s);
}

int main(void)
{
#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_kept_once),
		cmocka_unit_test(a_forgotten_name_leaves_the_others),
		cmocka_unit_test(one_request_is_dropped),
		cmocka_unit_test(what_is_kept_is_bounded),
		cmocka_unit_test(a_name_that_nobody_wants_expires),
		IN_DIR(there_is_one_place_in_a_directory),
		IN_DIR(a_place_that_was_taken_away_is_noticed),
		IN_DIR(a_directory_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
