/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making sure that a prober is at work.
 *
 * pelorusd goes into the background once it publishes and ends at once with 0 if another does
 * already, so that starting one twice does no harm; asking first only saves a process.  Where root's
 * prober serves the host (/run/pelorus), nobody starts another.
 */
#include "prober.h"

#include "commands.h"
#include "control_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_MS 10000
#define FOLLOWS_MAX 16

extern char **environ;

static const char *const folders[] = {".", PELORUS_BINDIR_TO_LIBEXECDIR, "../../probes"};

int prober_find(char ret[static PATH_MAX])
{
	const char *named = getenv("PELORUS_PROBER");

	if (named && strcmp(named, "off") == 0)
		return -ECANCELED;
	return command_find_file("pelorusd", named, folders, sizeof(folders) / sizeof(*folders),
		X_OK, ret);
}

/* The exit status of a child of ours, within a limit; -ETIMEDOUT after having ended it. */
static int child_status(pid_t pid, int limit_ms)
{
	/* By its number: glibc has a function for it from 2.36 on only. */
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status, n = 1;

	if (ended.fd >= 0) {
		do
			n = poll(&ended, 1, limit_ms);
		while (n < 0 && errno == EINTR);
		(void)close(ended.fd);
	}
	if (n == 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (n == 0)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Its standard output is ours, its errors are told on ours: it says itself what is wrong. */
static int prober_start(const char *path, const char *const *follows)
{
	const char *argv[2 * FOLLOWS_MAX + 2] = {path};
	size_t n = 1;
	pid_t pid;
	int r;

	for (; follows && *follows && n < 2 * FOLLOWS_MAX; follows++) {
		argv[n++] = "--follow";
		argv[n++] = *follows;
	}
	r = posix_spawn(&pid, path, NULL, NULL, (char *const *)(uintptr_t)argv, environ);
	if (r != 0)
		return -r;
	r = child_status(pid, START_LIMIT_MS);
	return r > 0 ? -EPROTO : r;
}

/* What it answers does not matter: the library asks again for each name that it meets. */
static int prober_tell(int fd, const char *const *follows)
{
	int r = 0;

	for (; follows && *follows; follows++) {
		char request[PEL_CONTROL_MAX] = "follow\n";
		struct control_answer answer = {0};

		if (pel_control_put(request, sizeof(request), "name", *follows) < 0)
			continue;
		r = control_client_ask(fd, request, &answer);
		if (r < 0)
			break;
		free(answer.text);
	}
	return r;
}

int prober_ensure(const char *const *follows)
{
	char path[PATH_MAX];
	int r, fd = control_client_open();

	if (fd >= 0) {
		r = prober_tell(fd, follows);
		(void)close(fd);
		return r;
	}
	r = prober_find(path);
	return r < 0 ? r : prober_start(path, follows);
}
