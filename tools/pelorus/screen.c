/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen: the alternate one, so that what was there is there again afterwards.
 *
 * Signals come as a descriptor, and so does the keyboard: one poll waits for all, nothing is done
 * in a handler, and every way out passes the one place that puts the terminal back.  A frame is
 * written at once, line over line, each cut at the right edge (bytes of UTF-8 that continue a
 * character do not count), so that nothing flickers and nothing wraps.
 */
#include "screen.h"

#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define BAR_WIDTH 40

struct screen {
	bool drawn; /* on a terminal */
	bool keys;  /* keys are read */
	int signals;
	sigset_t mask;
	struct termios before;
};

static void keys_open(struct screen *s)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &s->before) < 0)
		return;
	raw = s->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	s->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int screen_open(struct screen *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, &s->mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals < 0)
		return -errno;
	s->drawn = isatty(STDOUT_FILENO);
	if (s->drawn) {
		keys_open(s);
		fputs(SCREEN_ENTER, stdout);
	}
	return 0;
}

static void screen_close(struct screen *s)
{
	if (s->drawn)
		fputs(SCREEN_LEAVE, stdout);
	fflush(stdout);
	if (s->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
	(void)close(s->signals);
	(void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

/* Bytes of a line that fill at most `columns`. */
static size_t line_fit(const char *line, size_t size, unsigned columns)
{
	size_t n = 0;
	unsigned seen = 0;

	for (; n < size; n++) {
		if (((unsigned char)line[n] & 0xc0) != 0x80 && seen++ == columns)
			break;
	}
	return n;
}

static void frame_draw(const char *text)
{
	struct winsize size = {0};
	unsigned rows, columns;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	rows = size.ws_row ? size.ws_row : 24;
	columns = size.ws_col ? size.ws_col : 80;
	fputs("\033[H", stdout);
	for (unsigned row = 0; row < rows && *text; row++) {
		size_t n = strcspn(text, "\n");

		fprintf(stdout, "%s%.*s\033[K", row ? "\r\n" : "", (int)line_fit(text, n, columns),
			text);
		text += n + (text[n] == '\n');
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* True to go on, with another size; false at the end. */
static bool signal_take(const struct screen *s)
{
	struct signalfd_siginfo info;

	return read(s->signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGWINCH;
}

/* Waits for the time or something that changes the frame; false at the end. */
static bool screen_wait(const struct screen *s, unsigned ms)
{
	struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
		{.fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN}};
	int64_t end = now_ms() + ms, left;
	char key;

	while ((left = end - now_ms()) > 0) {
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			return signal_take(s);
		if (fds[1].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
			return false;
	}
	return true;
}

int screen_run(char *(*make)(void *context), void *context, unsigned interval_ms)
{
	struct screen s = {0};
	int status = STATUS_OK;

	if (screen_open(&s) < 0)
		return STATUS_FAILED;
	do {
		char *text = make(context);

		if (!text)
			status = STATUS_FAILED;
		else if (s.drawn)
			frame_draw(text);
		else if (puts(text) < 0 || fflush(stdout) != 0)
			status = STATUS_FAILED;
		free(text);
	} while (status == STATUS_OK && screen_wait(&s, interval_ms));
	screen_close(&s);
	return status;
}

void bar_print(FILE *to, unsigned done, unsigned total)
{
	unsigned full = done >= total ? BAR_WIDTH : BAR_WIDTH * done / total;

	fprintf(to, "[%.*s%*s] %u/%u", (int)full, "########################################",
		(int)(BAR_WIDTH - full), "", done, total);
}
