/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus drill close: has the library end idle connections, as it does at a failover, and looks how
 * each program comes back.
 */
#include "commands.h"

#include "control_client.h"
#include "drill.h"

#include "common/clock.h"
#include "common/words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_NS UINT64_C(10000000000)
#define LOOK_NS 20000000L
#define WELL_NS UINT64_C(500000000) /* all are back when they are for so long */

static const char help[] =
	"usage: pelorus drill close [--pid N] [--dry-run]\n"
	"Ends the connections of this host's programs, or of one, that are tracked and have been idle\n"
	"for a second, once, as a failover does; and tells of each program how many were ended, how\n"
	"many have come back within 10 s, and when the last of them had.  A connection in a\n"
	"transaction may be idle, too: it is for a quiet hour.  What waits for an answer is not, and\n"
	"programs that are observed or switched off are left alone.\n"
	"\n"
	"  --pid N    process N alone\n"
	"  --dry-run  tells what is open and idle, and ends nothing\n";

/* What has become of one process's connections. */
struct outcome {
	int ended, back, left;
	uint64_t back_ns; /* when it last grew; 0: not at all */
};

static bool has(const struct process_seen *p, uint64_t inode)
{
	for (unsigned i = 0; i < p->n_sockets; i++) {
		if (p->sockets[i].inode == inode)
			return true;
	}
	return false;
}

static void compare(const struct process_seen *was, const struct process_seen *is, uint64_t took_ns,
	struct outcome *o)
{
	int back = 0;

	o->ended = 0;
	o->left = is->open;
	for (unsigned i = 0; i < was->n_sockets; i++)
		o->ended += was->sockets[i].counted && !has(is, was->sockets[i].inode);
	for (unsigned i = 0; i < is->n_sockets; i++)
		back += !has(was, is->sockets[i].inode);
	if (back > o->back)
		o->back_ns = took_ns;
	o->back = back;
}

static const struct process_seen *find(const struct process_seen *list, int n,
	const struct process_seen *p)
{
	const struct pel_slot *was = &p->told.slot;

	for (int i = 0; i < n; i++) {
		const struct pel_slot *is = &list[i].told.slot;

		if (is->pid == was->pid && is->pidns == was->pidns &&
			is->start_ticks == was->start_ticks)
			return &list[i];
	}
	return NULL;
}

/* One look at all.  True if everybody who lost some has as many again. */
static bool look(const struct map_view *view, const struct process_filter *filter,
	const struct process_seen *was, int n, uint64_t took_ns, struct outcome *outcomes)
{
	const struct process_filter all = {.name = filter->name, .id = filter->id};
	struct process_seen *now;
	int n_now = processes_read(view, &all, &now);
	bool well = n_now >= 0;

	for (int i = 0; i < n && n_now >= 0; i++) {
		const struct process_seen *is = find(now, n_now, &was[i]);

		if (is && is->open >= 0)
			compare(&was[i], is, took_ns, &outcomes[i]);
		else if (!is)
			outcomes[i].left = 0; /* it has ended */
		well &= outcomes[i].back >= outcomes[i].ended;
	}
	processes_free(now, n_now);
	return well;
}

static void watch(const struct map_view *view, const struct process_filter *filter,
	const struct process_seen *was, int n, struct outcome *outcomes)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t begin = clock_now_ns(), well = 0, now;

	do {
		(void)nanosleep(&pause, NULL);
		now = clock_now_ns();
		if (!look(view, filter, was, n, now - begin, outcomes))
			well = 0;
		else if (well == 0)
			well = now;
	} while (now - begin < WAIT_NS && (well == 0 || now - well < WELL_NS));
}

/* That it has none of them cannot be told. */
static bool is_untold(const struct process_seen *p)
{
	return p->open < 0 && !p->has_ended && p->told.slot.tracked > 0;
}

/* Of one instance alone: who has none there, and had none, is not told of. */
static bool is_concerned(const struct drill *d, const struct process_seen *p, int left)
{
	return !d->filter.id || p->open > 0 || left > 0 || is_untold(p);
}

static void before_print(const struct drill *d, const struct process_seen *list, int n)
{
	printf("%7s %-16s %5s %5s\n", "PID", "COMMAND", "OPEN", "IDLE");
	for (int i = 0; i < n; i++) {
		if (is_concerned(d, &list[i], 0))
			printf("%7d %-16s %5d %5d\n", list[i].told.slot.pid, list[i].told.command,
				list[i].open < 0 ? 0 : list[i].open, list[i].idle);
	}
}

static void line_print(const struct drill *d, const struct process_seen *p, const struct outcome *o)
{
	printf("%7d %-16s ", p->told.slot.pid, p->told.command);
	if (d->filter.id)
		printf("%-7s ", pel_word_of_mode(p->mode));
	printf("%5d %5d ", p->open < 0 ? 0 : p->open, o->ended);
	if (d->filter.id && is_untold(p))
		printf("%5s ", "?");
	else if (d->filter.id)
		printf("%5d ", o->left);
	printf("%5d ", o->back);
	if (o->back_ns)
		printf("%6.2f s\n", (double)o->back_ns / 1e9);
	else
		printf("%8s\n", "-");
}

static void after_print(const struct drill *d, const struct process_seen *list, int n,
	const struct outcome *outcomes)
{
	bool one = d->filter.id;

	printf("%7s %-16s %s%5s %5s %s%5s %8s\n", "PID", "COMMAND", one ? "MODE    " : "", "OPEN",
		"ENDED", one ? " LEFT " : "", "BACK", "AFTER");
	for (int i = 0; i < n; i++) {
		if (is_concerned(d, &list[i], outcomes[i].left))
			line_print(d, &list[i], &outcomes[i]);
	}
}

/* Whether the one instance has none any more. */
static int judge(const struct drill *d, const struct process_seen *list, int n,
	const struct outcome *outcomes)
{
	int left = 0, untold = 0;

	for (int i = 0; i < n; i++) {
		left += outcomes[i].left;
		untold += is_untold(&list[i]);
	}
	if (left)
		return command_fail(d->command, STATUS_FAILED, "%d connections to %s are left",
			left, d->filter.id);
	if (untold)
		return command_fail(d->command, STATUS_FAILED,
			"%d processes may have connections to %s, and cannot be looked into",
			untold, d->filter.id);
	return STATUS_OK;
}

static int run(const struct drill *d, const struct map_view *view, const struct process_seen *list,
	int n)
{
	int status = d->request ? control_client_run(d->command, d->request, NULL) : STATUS_OK;
	struct outcome *outcomes =
		status == STATUS_OK ? calloc((size_t)n + 1, sizeof(*outcomes)) : NULL;

	if (outcomes && d->dry_run) {
		before_print(d, list, n);
	} else if (outcomes) {
		for (int i = 0; i < n; i++)
			outcomes[i].left = list[i].open < 0 ? 0 : list[i].open;
		watch(view, &d->filter, list, n, outcomes);
		after_print(d, list, n, outcomes);
		status = d->filter.id ? judge(d, list, n, outcomes) : status;
	}
	free(outcomes);
	return status;
}

int drill_run(const struct drill *d, const struct map_view *view)
{
	struct process_seen *list;
	int status, n = processes_read(view, &d->filter, &list);

	if (n < 0)
		return command_fail(d->command, STATUS_FAILED, "who is there cannot be read");
	if (d->filter.pid && n == 0)
		status = command_fail(d->command, STATUS_UNKNOWN, "process %d follows no name",
			d->filter.pid);
	else if (d->filter.pid && n > 1)
		status = command_fail(d->command, STATUS_FAILED,
			"%d is the number of %d processes, in containers: all would be meant",
			d->filter.pid, n);
	else
		status = run(d, view, list, n);
	processes_free(list, n);
	return status;
}

int cmd_drill(int argc, char **argv)
{
	const char *pid = NULL;
	bool dry_run = false;
	const struct command_option options[] = {{"pid", .word = &pid},
		{"dry-run", .flag = &dry_run}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help), r;
	char request[PEL_CONTROL_MAX] = "drill\n";
	struct map_view view;

	if (status >= 0)
		return status;
	if (strcmp(argv[optind], "close") != 0 || (pid && command_pid(pid) == 0))
		return command_usage(help);
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(argv[0], r);
	if (pid)
		(void)pel_control_put(request, sizeof(request), "pid", pid);
	status = drill_run(&(struct drill){.command = argv[0],
				   .request = dry_run ? NULL : request,
				   .filter.pid = pid ? command_pid(pid) : 0,
				   .dry_run = dry_run},
		&view);
	map_view_close(&view);
	return status;
}
