/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorusd is started by whatever program first needs it: a web server, a script, a test.  Nothing
 * of that program may stay with it, no descriptor that would keep a socket open, no blocked signal.
 */
#include "daemon.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 4096

static void standard_descriptors_fill(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

static void signals_default(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void daemon_shed(void)
{
	(void)secret_harden_process();
	standard_descriptors_fill();
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	signals_default();
	descriptors_raise();
	(void)umask(077);
}

static _Noreturn void starter_wait(int fd)
{
	char status = 1;
	ssize_t n;

	do {
		n = read(fd, &status, 1);
	} while (n < 0 && errno == EINTR);
	_exit(n == 1 ? status : 1);
}

int daemon_detach(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return r;
	}
	if (pid > 0) {
		(void)close(ends[1]);
		starter_wait(ends[0]);
	}
	(void)close(ends[0]);
	(void)setsid();
	(void)chdir("/");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)close(fd);
	standard_descriptors_fill();
	return ends[1];
}
