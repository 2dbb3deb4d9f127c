/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus report: what would have been done where names are only observed; no prober is asked. */
#include "commands.h"

#include "control_client.h"

#include <pelorus/history.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SINCE "7d"

static const char help[] =
	"usage: pelorus report [--since 7d] [--json]\n"
	"Sums up, for clusters that are only observed, what Pelorus would have done, by program:\n"
	"connections that went stale and would have been ended; errors that would have been spared\n"
	"(connects by a writer's name that DNS led to another server, or that found no writer and would\n"
	"have waited, and statements that would have been carried over); and connects that would have\n"
	"gone to another instance for balance.  Failovers are counted for every cluster.  Of more than\n"
	"20 programs of a cluster in an hour, or 128 of all, the later ones are one line, (others).\n"
	"\n"
	"  --since TIME  of the last 90m, 12h, 7d; in whole hours\n"
	"  --json        the same for programs\n";

struct sums {
	unsigned n;
	struct pel_history_row rows[PEL_HISTORY_ROWS]; /* by cluster and program */
};

static void sum_up(struct pel_history_counts *sum, const struct pel_history_counts *c)
{
	sum->failovers += c->failovers;
	sum->elsewhere += c->elsewhere;
	sum->wrong += c->wrong;
	sum->held += c->held;
	sum->severed += c->severed;
	sum->moved += c->moved;
}

static int compare(const void *a, const void *b)
{
	const struct pel_history_row *x = a, *y = b;
	int r = strcmp(x->cluster, y->cluster);

	return r ? r : strncmp(x->program, y->program, sizeof(x->program));
}

/* Rows of the same cluster and program become one. */
static void fold(struct sums *s)
{
	unsigned kept = 0;

	qsort(s->rows, s->n, sizeof(*s->rows), compare);
	for (unsigned i = 0; i < s->n; i++) {
		if (kept && compare(&s->rows[kept - 1], &s->rows[i]) == 0)
			sum_up(&s->rows[kept - 1].counts, &s->rows[i].counts);
		else
			s->rows[kept++] = s->rows[i];
	}
	s->n = kept;
}

/* What is read may be torn by a prober that died: it is made harmless. */
static bool row_take(struct pel_history_row *row, int64_t from_hour)
{
	row->cluster[sizeof(row->cluster) - 1] = '\0';
	for (char *c = row->cluster; *c; c++)
		*c = *c > ' ' && *c <= '~' && *c != '"' && *c != '\\' ? *c : '?';
	for (size_t i = 0; i < sizeof(row->program) && row->program[i]; i++) {
		char *c = &row->program[i];

		*c = *c >= ' ' && *c <= '~' && *c != '"' && *c != '\\' ? *c : '?';
	}
	return row->hour >= from_hour && row->cluster[0];
}

static int sums_read(FILE *from, int64_t from_hour, struct sums *s)
{
	struct pel_history_row *row = s->rows;
	struct {
		uint64_t magic;
		uint32_t count, row_size;
	} head;

	if (fread(&head, sizeof(head), 1, from) != 1 || head.magic != PEL_HISTORY_MAGIC ||
		head.count != PEL_HISTORY_ROWS || head.row_size != sizeof(*row))
		return -EPROTO;
	(void)fseek(from, offsetof(struct pel_history, rows), SEEK_SET);
	while (s->n < PEL_HISTORY_ROWS && fread(row, sizeof(*row), 1, from) == 1) {
		if (row_take(row, from_hour))
			row = &s->rows[++s->n];
	}
	fold(s);
	return 0;
}

static unsigned spared(const struct pel_history_counts *c)
{
	return c->wrong + c->held + c->moved;
}

/* What its row of no program says. */
static unsigned failovers_of(const struct sums *s, const char *cluster)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->rows[i].program[0] && strcmp(s->rows[i].cluster, cluster) == 0)
			return s->rows[i].counts.failovers;
	}
	return 0;
}

static void table_print(const struct sums *s)
{
	const char *cluster = "";

	if (s->n == 0)
		puts("nothing has happened in that time");
	for (unsigned i = 0; i < s->n; i++) {
		const struct pel_history_row *r = &s->rows[i];
		const struct pel_history_counts *c = &r->counts;

		if (strcmp(cluster, r->cluster) != 0) {
			cluster = r->cluster;
			printf("%s: failovers %u\n", cluster, failovers_of(s, cluster));
			if (r->program[0] ||
				(i + 1 < s->n && strcmp(s->rows[i + 1].cluster, cluster) == 0))
				printf("  %-16s %12s %14s %14s\n", "PROGRAM", "STALE ENDED",
					"ERRORS SPARED", "LED ELSEWHERE");
		}
		if (r->program[0])
			printf("  %-16.16s %12u %14u %14u\n", r->program, c->severed, spared(c),
				c->elsewhere);
	}
}

static void json_print(const struct sums *s)
{
	const char *cluster = "", *comma = "";

	putchar('[');
	for (unsigned i = 0; i < s->n; i++) {
		const struct pel_history_row *r = &s->rows[i];
		const struct pel_history_counts *c = &r->counts;

		if (strcmp(cluster, r->cluster) != 0) {
			printf("%s{\"cluster\":\"%s\",\"failovers\":%u,\"programs\":[",
				*cluster ? "]}," : "", r->cluster, failovers_of(s, r->cluster));
			cluster = r->cluster;
			comma = "";
		}
		if (!r->program[0])
			continue;
		printf("%s{\"program\":\"%.16s\",\"stale_ended\":%u,\"errors_spared\":%u,"
		       "\"led_wrong\":%u,\"held\":%u,\"moved\":%u,\"led_elsewhere\":%u}",
			comma, r->program, c->severed, spared(c), c->wrong, c->held, c->moved,
			c->elsewhere);
		comma = ",";
	}
	puts(*cluster ? "]}]" : "]");
}

/* "90m", "12h", "7d"; 0 if it is none. */
static int64_t seconds_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	int64_t unit = *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 0;

	return end == text || *end == '\0' || end[1] || n > 100000 ? 0 : (int64_t)n * unit;
}

static FILE *history_open(void)
{
	struct pel_rundir dir;
	int dirfd = control_client_directory(&dir), fd;

	if (dirfd == 0)
		dirfd = pel_rundir_open(&dir, geteuid(), false);
	if (dirfd < 0)
		return NULL;
	fd = openat(dirfd, PEL_HISTORY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	(void)close(dirfd);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

int cmd_report(int argc, char **argv)
{
	const char *since = SINCE;
	bool json = false;
	const struct command_option options[] = {{"since", .word = &since}, {"json", .flag = &json},
		{0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	struct sums *s;
	FILE *from;

	if (status >= 0)
		return status;
	if (seconds_of(since) == 0)
		return command_fail(argv[0], STATUS_USAGE, "%s: no time such as 90m, 12h or 7d",
			since);
	s = calloc(1, sizeof(*s) + sizeof(*s->rows)); /* one more is read than kept */
	from = history_open();
	if (!s || !from || sums_read(from, (time(NULL) - seconds_of(since)) / 3600, s) < 0)
		status = command_fail(argv[0], STATUS_NO_PROBER,
			"no prober has kept a history here");
	else if (json)
		json_print(s);
	else
		table_print(s);
	if (from)
		(void)fclose(from);
	free(s);
	return status < 0 ? STATUS_OK : status;
}
