/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the program that takes notices. */
#include "notice_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void notice_run_init(struct notice_run *run)
{
	*run = (struct notice_run){.pidfd = -1};
}

bool notice_run_is_on(const struct notice_run *run)
{
	return run->pid != 0;
}

/* Lets go of the child, which is waited for. */
static int reap(struct notice_run *run)
{
	int status = 0;

	loop_io_remove(run->loop, &run->io);
	loop_timer_stop(run->loop, &run->timer);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(run->pidfd);
	run->pidfd = -1;
	run->pid = 0;
	return status;
}

void notice_run_stop(struct notice_run *run)
{
	if (!run->pid)
		return;
	(void)kill(run->pid, SIGKILL);
	(void)reap(run);
}

static void on_exit_seen(void *ctx, uint32_t events)
{
	struct notice_run *run = ctx;
	int status = reap(run);
	const char *problem = run->problem;

	if (run->late)
		snprintf(run->problem, sizeof(run->problem), "the program took too long");
	else if (WIFSIGNALED(status))
		snprintf(run->problem, sizeof(run->problem), "the program died of signal %d",
			WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(run->problem, sizeof(run->problem), "the program ended with %d",
			WEXITSTATUS(status));
	else
		problem = NULL;
	run->ended(run->ctx, problem);
}

static void on_late(void *ctx)
{
	struct notice_run *run = ctx;

	run->late = true;
	(void)kill(run->pid, SIGKILL);
}

static int memory_file(const char *body)
{
	int fd = memfd_create("notice", MFD_CLOEXEC);
	size_t n = strlen(body);

	if (fd < 0)
		return -errno;
	if (write(fd, body, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Default signals, nothing of ours but the three standard descriptors, a bare environment. */
static int spawn(const char *path, int input, pid_t *ret)
{
	static char *const environment[] =
		{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char name[4096];
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	snprintf(name, sizeof(name), "%s", path);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, input, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	r = posix_spawn(ret, path, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int notice_run_start(struct notice_run *run, struct loop *loop, const char *path, const char *body,
	void (*ended)(void *ctx, const char *problem), void *ctx)
{
	int input = memory_file(body), r;

	if (input < 0)
		return input;
	*run = (struct notice_run){.loop = loop, .pidfd = -1, .ended = ended, .ctx = ctx};
	loop_timer_init(&run->timer, on_late, run);
	r = spawn(path, input, &run->pid);
	close(input);
	if (r < 0) {
		run->pid = 0;
		return r;
	}
	run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	r = run->pidfd < 0 ? -errno
			   : loop_io_add(loop, &run->io, run->pidfd, EPOLLIN, on_exit_seen, run);
	if (r < 0) {
		notice_run_stop(run);
		return r;
	}
	loop_timer_set_in(loop, &run->timer, NOTICE_RUN_LIMIT_NS);
	return 0;
}
