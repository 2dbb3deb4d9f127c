/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a program that took too long, or whose owner went. */
#include "http/program.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ENOUGH_NS (20 * LOOP_S)

/* It leaves the number of a process that it has started, and waits for that. */
static const char script[] = "sleep 7777 & echo $! >\"$0\"; wait";

static char path[] = "/tmp/test_program.XXXXXX";
static struct loop *loop;
static struct program *program;
static struct loop_timer look;
static unsigned ends;
static bool drops; /* the program, once its own process is there */

static pid_t child(void)
{
	FILE *in = fopen(path, "r");
	int pid = 0;

	if (!in)
		return 0;
	if (fscanf(in, "%d", &pid) != 1)
		pid = 0;
	fclose(in);
	return pid;
}

static void on_ended(void *ctx, const char *problem, const char *output)
{
	assert_string_equal(problem, "the program took too long");
	program = NULL;
	ends++;
}

/* Until the child is gone: whoever adopts it may take a moment. */
static void on_look(void *ctx)
{
	pid_t pid = child();
	char stat[64], line[256] = "";
	FILE *in;

	loop_timer_set_in(loop, &look, 10 * LOOP_MS);
	if (!pid)
		return;
	if (drops) {
		program_free(program);
		program = NULL;
	}
	(void)snprintf(stat, sizeof(stat), "/proc/%d/stat", pid);
	in = fopen(stat, "r");
	if (in && fgets(line, sizeof(line), in) && !strstr(line, ") Z"))
		(void)0;
	else if (!program)
		loop_stop(loop, 1);
	if (in)
		fclose(in);
}

static void on_enough(void *ctx)
{
	loop_stop(loop, 2);
}

static void run(uint64_t limit_ns)
{
	const char *const argv[] = {"/bin/sh", "-c", script, path, NULL};
	char *environment[] = {"PATH=/usr/bin:/bin", NULL};
	const struct program_options options = {.argv = argv,
		.environment = environment,
		.limit_ns = limit_ns,
		.ended = on_ended};
	struct loop_timer enough;
	int r;

	assert_int_equal(truncate(path, 0), 0);
	ends = 0;
	assert_int_equal(loop_new(NULL, &loop), 0);
	loop_timer_init(&look, on_look, NULL);
	loop_timer_init(&enough, on_enough, NULL);
	loop_timer_set_in(loop, &enough, ENOUGH_NS);
	loop_timer_set_in(loop, &look, 0);
	assert_int_equal(program_start(loop, &options, &program), 0);
	r = loop_run(loop);
	if (r != 1)
		(void)kill(child(), SIGKILL);
	loop_timer_stop(loop, &look);
	loop_timer_stop(loop, &enough);
	loop_free(loop);
	assert_int_equal(r, 1);
}

static void what_it_started_ends_with_one_that_is_late(void **state)
{
	drops = false;
	run(LOOP_S);
	assert_int_equal(ends, 1);
}

static void what_it_started_ends_with_one_that_nobody_wants(void **state)
{
	drops = true;
	run(ENOUGH_NS);
	assert_int_equal(ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_started_ends_with_one_that_is_late),
		cmocka_unit_test(what_it_started_ends_with_one_that_nobody_wants),
	};
	int fd = mkstemp(path), r;

	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
