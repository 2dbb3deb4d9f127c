/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line for the human, without stdio, memory or a signal.
 *
 * Descriptor 2 is written to only while it is what it was at load, or is a terminal or a device: a
 * host that closed it may have a database file, a socket or a pipe of its own there.  A pipe that
 * nobody reads must neither block the host (so it is polled first) nor kill it (quiet_write()).
 */
#include "say.h"

#include "common/clock.h"
#include "env.h"
#include "quiet.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAY_EVERY_NS UINT64_C(60000000000)

static const struct {
	const char *code;
	const char *sentence;
} reasons[SAY_REASONS] = {
	[SAY_COLLISION] = {"L01", "another name has this name's virtual address; left to DNS"},
	[SAY_TOO_MANY_NAMES] = {"L02", "more names than one process may follow; left to DNS"},
	[SAY_BLOCK_TAKEN] = {"L03", "the virtual addresses are in use on this host; switched off"},
	[SAY_NO_PROBER] = {"L04", "no prober runs and none can be started; names lead to DNS"},
	[SAY_PROBER_FAILED] = {"L05", "the prober did not start; names lead to DNS for now"},
	[SAY_NO_DIRECTORY] = {"L06", "the runtime directory cannot be used; names lead to DNS"},
	[SAY_UNTRUSTED_DIRECTORY] = {"L07",
		"the runtime directory is not ours, or others may write to it; not used"},
	[SAY_NETNS] = {"L08", "the prober lives in another network namespace; not believed"},
	[SAY_UNREACHABLE_FROM_HERE] = {"L09",
		"the prober reaches the instance, this process does not; its names lead to DNS"},
	[SAY_NO_WATCHER] = {"L10", "no thread could be started; stale connections stay"},
	[SAY_TOO_MANY_SOCKETS] = {"L11", "a descriptor beyond those watched; it is not severed"},
	[SAY_NOT_A_MAP] = {"L12", "the prober's map cannot be read; names lead to DNS"},
	[SAY_INHERITS_ORPHANS] = {"L13",
		"no prober runs, and a new one would become a child of this process, which is "
		"PID 1 or a subreaper: start pelorusd beside it; names lead to DNS"},
	[SAY_LONG_ENVIRONMENT] = {"L14",
		"the environment is too long to be kept; a daemon that is started lacks some of it"},
	[SAY_CLIENT_WARNS] = {"L20",
		"this client library warns on stderr of what failing over in "
		"place needs; off for it"},
	[SAY_NO_TOKEN] = {"L21",
		"no RDS token for this login, or no TLS to demand of this client "
		"library; the program's own password is used"},
	[SAY_ONLY_READERS] = {"L22",
		"this writer's name leads to a reader, and no writer is to be found; the connect fails"},
};

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
	const char *path = env_get()->log;
	int fd;

	if (!*path) {
		if (stderr_is_for_humans())
			(void)quiet_write(STDERR_FILENO, line, strlen(line), -1);
		return;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return;
	(void)quiet_write(fd, line, strlen(line), -1);
	(void)close(fd);
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
	struct quiet quiet;
	char line[512] = "pelorus[";

	atomic_store_explicit(&last_reason, (uint32_t)reason + 1, memory_order_relaxed);
	if (!is_due(reason))
		return;
	quiet = quiet_begin();
	text_append(line, sizeof(line) - 1, reasons[reason].code);
	text_append(line, sizeof(line) - 1, "]: ");
	text_append(line, sizeof(line) - 1, reasons[reason].sentence);
	if (detail && *detail) {
		text_append(line, sizeof(line) - 1, ": ");
		text_append(line, sizeof(line) - 1, detail);
	}
	text_append(line, sizeof(line), "\n");
	write_line(line);
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
