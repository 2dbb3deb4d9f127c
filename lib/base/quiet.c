/* SPDX-License-Identifier: Apache-2.0 */
#include "quiet.h"

#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int set_cancel(int to)
{
	int before = PTHREAD_CANCEL_ENABLE;

	if (real_get()->set_cancel_state)
		(void)real_get()->set_cancel_state(to, &before);
	return before;
}

struct quiet quiet_begin(void)
{
	return (struct quiet){.error = errno, .cancel = set_cancel(PTHREAD_CANCEL_DISABLE)};
}

void quiet_end(struct quiet quiet)
{
	(void)set_cancel(quiet.cancel);
	errno = quiet.error;
}

ssize_t quiet_write(int fd, const void *buf, size_t n, off_t at)
{
	const struct timespec now = {0};
	sigset_t held, before, pending;
	int signal;
	ssize_t r;

	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGPIPE);
	(void)sigaddset(&held, SIGXFSZ);
	(void)sigemptyset(&pending);
	(void)sigpending(&pending);
	(void)sigprocmask(SIG_BLOCK, &held, &before);
	r = at < 0 ? write(fd, buf, n) : pwrite(fd, buf, n, at);
	signal = r >= 0 ? 0 : errno == EPIPE ? SIGPIPE : errno == EFBIG ? SIGXFSZ : 0;
	/* What came of our write, and was not there before it, is taken away. */
	if (signal != 0 && !sigismember(&pending, signal)) {
		(void)sigemptyset(&held);
		(void)sigaddset(&held, signal);
		(void)sigtimedwait(&held, NULL, &now);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

void quiet_add(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		0600);

	if (fd < 0)
		return;
	(void)quiet_write(fd, line, strlen(line), -1);
	(void)close(fd);
}
