/* SPDX-License-Identifier: Apache-2.0 */
#include "slots_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t process_now_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) /
		(1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Field 22 of /proc/PID/stat, behind the command, which may contain anything; 0 if not known. */
static uint64_t start_ticks(pid_t pid)
{
	char path[32], text[1024], *at;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool process_lives(pid_t pid, uint64_t ticks, bool thorough)
{
	uint64_t now;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return false;
	if (!thorough || ticks == 0)
		return true;
	now = start_ticks(pid);
	return now == 0 || now == ticks;
}
