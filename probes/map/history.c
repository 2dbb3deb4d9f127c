/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of this hour are kept in memory and written one by one as they change: a write that does
 * not come to its end costs one row.
 */
#include "history.h"

#include <pelorus/map.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT 256 /* all of an hour: of more, one after the other, each would get ever new rows */
/* Beside these there is room for all others of each cluster, and for its failovers. */
#define PROGRAMS (KEPT - 2 * PEL_MAP_CLUSTERS)

static const char others[] = "(others)";

struct head {
	uint64_t magic;
	uint32_t count;
	uint32_t row_size;
	uint64_t written;
};

_Static_assert(sizeof(struct head) == offsetof(struct pel_history, fill), "pel_history");

struct history {
	int fd;
	struct head head;
	unsigned n;
	struct {
		uint64_t number;
		struct pel_history_row row;
	} kept[KEPT];
};

static off_t offset_of(uint64_t number)
{
	return (off_t)(offsetof(struct pel_history, rows) +
		number % PEL_HISTORY_ROWS * sizeof(struct pel_history_row));
}

static void head_begin(struct history *h)
{
	h->head = (struct head){.magic = PEL_HISTORY_MAGIC,
		.count = PEL_HISTORY_ROWS,
		.row_size = sizeof(struct pel_history_row)};
	(void)!ftruncate(h->fd, 0);
	(void)!pwrite(h->fd, &h->head, sizeof(h->head), 0);
}

/* The rows that were written last, in their order. */
static void rows_read(struct history *h)
{
	uint64_t from = h->head.written > KEPT ? h->head.written - KEPT : 0;

	for (uint64_t i = from; i < h->head.written; i++) {
		struct pel_history_row *row = &h->kept[h->n].row;

		if (pread(h->fd, row, sizeof(*row), offset_of(i)) != (ssize_t)sizeof(*row))
			continue;
		row->cluster[sizeof(row->cluster) - 1] = '\0';
		h->kept[h->n++].number = i;
	}
}

struct history *history_open(int dirfd, mode_t mode)
{
	struct history *h = calloc(1, sizeof(*h));
	struct stat st;

	if (!h)
		return NULL;
	h->fd = openat(dirfd, PEL_HISTORY_FILE,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (h->fd < 0 || fstat(h->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		history_close(h);
		return NULL;
	}
	(void)fchmod(h->fd, mode | S_IWUSR);
	if (pread(h->fd, &h->head, sizeof(h->head), 0) != (ssize_t)sizeof(h->head) ||
		h->head.magic != PEL_HISTORY_MAGIC || h->head.count != PEL_HISTORY_ROWS ||
		h->head.row_size != sizeof(struct pel_history_row))
		head_begin(h);
	rows_read(h);
	return h;
}

void history_close(struct history *h)
{
	if (h && h->fd >= 0)
		(void)close(h->fd);
	free(h);
}

static bool is_of(const struct pel_history_row *row, int64_t hour, const char *cluster,
	const char *program)
{
	return row->hour == hour && strncmp(row->program, program, sizeof(row->program)) == 0 &&
		strcmp(row->cluster, cluster) == 0;
}

/* The place of its row of this hour; at the end if there is none yet, and *program may be all others'. */
static unsigned place_find(const struct history *h, int64_t hour, const char *cluster,
	const char **program)
{
	unsigned programs = 0, all = 0;

	for (unsigned i = h->n; i-- > 0;) {
		const struct pel_history_row *row = &h->kept[i].row;

		if (is_of(row, hour, cluster, *program))
			return i;
		programs += row->program[0] && is_of(row, hour, cluster, row->program);
		all += row->program[0] && row->hour == hour;
	}
	if ((programs < HISTORY_PROGRAMS && all < PROGRAMS) || !**program ||
		strcmp(*program, others) == 0)
		return h->n;
	*program = others;
	return place_find(h, hour, cluster, program);
}

/* ... which is made then. */
static unsigned place_of(struct history *h, int64_t hour, const char *cluster, const char *program)
{
	unsigned at = place_find(h, hour, cluster, &program);
	struct pel_history_row *row;

	if (at < h->n)
		return at;
	if (h->n == KEPT) {
		h->n--;
		memmove(&h->kept[0], &h->kept[1], h->n * sizeof(h->kept[0]));
	}
	row = &h->kept[h->n].row;
	*row = (struct pel_history_row){.hour = hour};
	strncpy(row->cluster, cluster, sizeof(row->cluster) - 1);
	memcpy(row->program, program, strnlen(program, sizeof(row->program)));
	h->kept[h->n].number = h->head.written++;
	return h->n++;
}

void history_add(struct history *h, int64_t now_s, const char *cluster, const char *program,
	const struct pel_history_counts *counts)
{
	struct pel_history_row *row;
	struct pel_history_counts *sum;
	unsigned i;

	if (!h)
		return;
	i = place_of(h, now_s / 3600, cluster, program);
	row = &h->kept[i].row;
	sum = &row->counts;
	sum->failovers += counts->failovers;
	sum->elsewhere += counts->elsewhere;
	sum->wrong += counts->wrong;
	sum->held += counts->held;
	sum->severed += counts->severed;
	sum->moved += counts->moved;
	(void)!pwrite(h->fd, row, sizeof(*row), offset_of(h->kept[i].number));
	(void)!pwrite(h->fd, &h->head, sizeof(h->head), 0);
}
