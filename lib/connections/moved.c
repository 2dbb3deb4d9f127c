/* SPDX-License-Identifier: Apache-2.0 */
#include "moved.h"

#include "sockets.h"

#include <stdbool.h>
#include <sys/resource.h>

#define NUMBERS_MAX 16384 /* one system call each: about a millisecond for all */

void moved_note(struct moved *m, int fd, uint64_t cookie)
{
	if (m->n == MOVED_MAX)
		return;
	m->list[m->n].fd = fd;
	m->list[m->n].cookie = cookie;
	m->n++;
}

static int highest_number(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > NUMBERS_MAX)
		return NUMBERS_MAX;
	return (int)limit.rlim_cur;
}

/* True if the socket at this number is one of those noted; its record moves there. */
static bool take_up(const struct moved *m, int fd)
{
	uint64_t cookie = track_cookie(fd);
	struct track t;

	for (unsigned i = 0; cookie != 0 && i < m->n; i++) {
		if (m->list[i].cookie != cookie || !track_read(m->list[i].fd, &t) ||
			t.cookie != cookie)
			continue;
		return track_record(fd, &t) == 0;
	}
	return false;
}

unsigned moved_settle(struct moved *m)
{
	unsigned found = 0;

	for (int fd = 0, n = m->n > 0 ? highest_number() : 0; fd < n && found < m->n; fd++) {
		if (take_up(m, fd))
			found++;
	}
	for (unsigned i = 0; i < m->n; i++)
		track_forget(m->list[i].fd, m->list[i].cookie);
	m->n = 0;
	return found;
}
