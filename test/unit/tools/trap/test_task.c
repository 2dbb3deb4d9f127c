/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper that answers late: what it says is never taken for the answer to another question. */
#include "task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LATE_US 10000
#define TRIES 10

static bool is_same(int a, int b)
{
	struct stat of_a, of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_ino == of_b.st_ino;
}

/* One question that nobody answers in time, and another: 0 if what that gives is right. */
static int ask_twice(int line, int go, const int files[static 2])
{
	pid_t keeper = getppid();

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		return 1;
	task_ask_by(line);
	for (int i = 0; i < TRIES; i++) {
		int first = task_take(keeper, files[0]), second;

		if (write(go, "", 1) != 1)
			return 2;
		second = task_take(keeper, files[1]);
		if (first >= 0 && !is_same(first, files[0]))
			return 3;
		if (second >= 0 && !is_same(second, files[1]))
			return 4;
		if (second >= 0)
			return 0;
	}
	return 0;
}

static void a_late_answer_is_no_other_question_s(void **state)
{
	int line[2], go[2], files[2], status;
	char byte;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, line), 0);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(files), 0);
	files[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	child = fork();
	if (child == 0)
		_exit(ask_twice(line[1], go[1], files));
	(void)close(go[1]);
	while (read(go[0], &byte, 1) == 1) {
		struct pollfd asked = {.fd = line[0], .events = POLLIN};

		(void)usleep(LATE_US);
		while (poll(&asked, 1, LATE_US / 1000) == 1)
			task_help(line[0]);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The kernel tells of the groups first, in any number. */
static void a_signal_is_seen_behind_many_groups(void **state)
{
	static gid_t groups[1000];
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip();
	for (unsigned i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		groups[i] = 100000 + i;
	child = fork();
	if (child == 0)
		_exit(setgroups(sizeof(groups) / sizeof(*groups), groups) < 0 || raise(SIGSTOP));
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	if (WIFEXITED(status))
		skip();
	assert_false(task_has_signal(child, child));
	assert_int_equal(kill(child, SIGUSR1), 0);
	assert_true(task_has_signal(child, child));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_answer_is_no_other_question_s),
		cmocka_unit_test(a_signal_is_seen_behind_many_groups),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
