/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question on the terminal.
 *
 * Signals that end or stop a process come as a descriptor while the terminal does not echo: they are
 * raised again once it does, so that they do what they always do.
 */
#include "credentials/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

/* Bytes until a line feed: 0; the number of a signal that came; -errno. */
static int line_read(int tty, int came, char *ret, size_t size)
{
	struct pollfd fds[] = {{.fd = came, .events = POLLIN}, {.fd = tty, .events = POLLIN}};
	struct signalfd_siginfo info;
	size_t n = 0;

	for (;;) {
		ssize_t got;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents && read(came, &info, sizeof(info)) == sizeof(info))
			return (int)info.ssi_signo;
		if (!fds[1].revents)
			continue;
		got = read(tty, ret + n, 1);
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (ret[n] == '\n') {
			ret[n] = '\0';
			return 0;
		}
		if (++n == size)
			return -ENOSPC;
	}
}

/* With what is typed ahead thrown away, where it would have been shown. */
static int question(int tty, int came, const char *prompt, bool echo, char *ret, size_t size)
{
	struct termios before, quiet;
	int r;

	if (tcgetattr(tty, &before) < 0)
		return -errno;
	quiet = before;
	if (!echo)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return -errno;
	r = write(tty, prompt, strlen(prompt)) < 0 ? -errno : line_read(tty, came, ret, size);
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	if (!echo || r != 0)
		(void)!write(tty, "\n", 1);
	return r;
}

int terminal_ask(const char *prompt, bool echo, char *ret, size_t size)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), came, r;
	sigset_t set, before;

	if (tty < 0)
		return -ENXIO;
	(void)sigprocmask(SIG_BLOCK, NULL, &before);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		if (!sigismember(&before, signals[i]))
			sigaddset(&set, signals[i]);
	}
	came = signalfd(-1, &set, SFD_CLOEXEC);
	do {
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
		r = came < 0 ? -errno : question(tty, came, prompt, echo, ret, size);
		if (r > 0)
			(void)raise(r);
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	} while (r > 0); /* it was stopped, and goes on; or that signal is ignored */
	if (came >= 0)
		(void)close(came);
	(void)close(tty);
	if (r < 0)
		explicit_bzero(ret, size);
	return r;
}
