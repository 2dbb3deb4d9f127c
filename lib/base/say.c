/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line for the human, without stdio, memory or a signal.
 *
 * Descriptor 2 is written to only while it is what it was at load, or is a terminal or a device: a
 * host that closed it may have a database file, a socket or a pipe of its own there.  A pipe that
 * nobody reads must neither block the host (so it is polled first) nor kill it (quiet_write()).
 */
#include "say.h"

#include "codes.h"
#include "common/clock.h"
#include "env.h"
#include "line.h"
#include "quiet.h"
#include "common/text.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAY_EVERY_NS UINT64_C(60000000000)

#define REASON(reason, code, sentence, meaning) [reason] = {code, sentence},
static const struct {
	const char *code;
	const char *sentence;
} reasons[SAY_REASONS] = {SAY_CODES(REASON)};
#undef REASON

static _Atomic uint64_t last_ns[SAY_REASONS];
static _Atomic uint32_t last_reason; /* plus one */
static struct {
	bool known;
	dev_t dev;
	ino_t ino;
} stderr_at_start;

void say_init(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	stderr_at_start.dev = st.st_dev;
	stderr_at_start.ino = st.st_ino;
	stderr_at_start.known = true;
}

static bool stderr_is_for_humans(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	if (!S_ISCHR(st.st_mode) &&
		(!stderr_at_start.known || st.st_dev != stderr_at_start.dev ||
			st.st_ino != stderr_at_start.ino))
		return false;
	return poll(&p, 1, 0) == 1 && !(p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void write_line(const char *line)
{
	if (*env_get()->log)
		quiet_add(env_get()->log, line);
	else if (stderr_is_for_humans())
		(void)quiet_write(STDERR_FILENO, line, strlen(line), -1);
}

static bool is_due(enum say_reason reason)
{
	uint64_t now = clock_now_ns(), last = atomic_load(&last_ns[reason]);

	if (last != 0 && now - last < SAY_EVERY_NS)
		return false;
	return atomic_compare_exchange_strong(&last_ns[reason], &last, now);
}

void say(enum say_reason reason, const char *detail)
{
	struct line line = {reasons[reason].code, reasons[reason].sentence, detail, 0, 0};
	struct timespec now = {0};
	struct quiet quiet;
	char text[LINE_MAX_SIZE];

	atomic_store_explicit(&last_reason, (uint32_t)reason + 1, memory_order_relaxed);
	if (!is_due(reason))
		return;
	quiet = quiet_begin();
	(void)clock_gettime(CLOCK_REALTIME, &now);
	line.time_s = now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
	line.pid = (uint64_t)getpid();
	line_build(&line, env_get()->log_format, text);
	write_line(text);
	quiet_end(quiet);
}

int say_last(char *ret, size_t size)
{
	uint32_t reason = atomic_load_explicit(&last_reason, memory_order_relaxed);

	if (reason == 0 || size == 0)
		return -ENODATA;
	ret[0] = '\0';
	text_append(ret, size, reasons[reason - 1].code);
	text_append(ret, size, ": ");
	text_append(ret, size, reasons[reason - 1].sentence);
	return 0;
}
