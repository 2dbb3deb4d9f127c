/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus drill close: has the library end idle connections, as it does at a failover, and looks how
 * each program comes back.
 */
#include "commands.h"

#include "control_client.h"
#include "processes/processes.h"

#include "common/clock.h"

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
	int ended, back;
	uint64_t back_ns; /* when it last grew; 0: not at all */
};

static bool has(const struct process_seen *p, uint64_t inode)
{
	for (unsigned i = 0; i < p->n_inodes; i++) {
		if (p->inodes[i] == inode)
			return true;
	}
	return false;
}

static void compare(const struct process_seen *was, const struct process_seen *is, uint64_t took_ns,
	struct outcome *o)
{
	int back = 0;

	o->ended = 0;
	for (unsigned i = 0; i < was->n_inodes; i++)
		o->ended += !has(is, was->inodes[i]);
	for (unsigned i = 0; i < is->n_inodes; i++)
		back += !has(was, is->inodes[i]);
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
static bool look(const struct map_view *view, const struct process_seen *was, int n,
	uint64_t took_ns, struct outcome *outcomes)
{
	struct process_seen *now;
	int n_now = processes_read(view, 0, &now);
	bool all = true;

	for (int i = 0; i < n && n_now >= 0; i++) {
		const struct process_seen *is = find(now, n_now, &was[i]);

		if (is && is->open >= 0)
			compare(&was[i], is, took_ns, &outcomes[i]);
		all &= outcomes[i].back >= outcomes[i].ended;
	}
	processes_free(now, n_now);
	return all;
}

static void watch(const struct map_view *view, const struct process_seen *was, int n,
	struct outcome *outcomes)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t begin = clock_now_ns(), well = 0, now;

	do {
		(void)nanosleep(&pause, NULL);
		now = clock_now_ns();
		if (!look(view, was, n, now - begin, outcomes))
			well = 0;
		else if (well == 0)
			well = now;
	} while (now - begin < WAIT_NS && (well == 0 || now - well < WELL_NS));
}

static void before_print(const struct process_seen *list, int n)
{
	printf("%7s %-16s %5s %5s\n", "PID", "COMMAND", "OPEN", "IDLE");
	for (int i = 0; i < n; i++)
		printf("%7d %-16s %5d %5d\n", list[i].told.slot.pid, list[i].told.command,
			list[i].open < 0 ? 0 : list[i].open, list[i].idle);
}

static void after_print(const struct process_seen *list, int n, const struct outcome *outcomes)
{
	printf("%7s %-16s %5s %5s %5s %8s\n", "PID", "COMMAND", "OPEN", "ENDED", "BACK", "AFTER");
	for (int i = 0; i < n; i++) {
		const struct outcome *o = &outcomes[i];
		char after[16] = "-";

		if (o->back_ns)
			(void)snprintf(after, sizeof(after), "%.2f s", (double)o->back_ns / 1e9);
		printf("%7d %-16s %5d %5d %5d %8s\n", list[i].told.slot.pid, list[i].told.command,
			list[i].open < 0 ? 0 : list[i].open, o->ended, o->back, after);
	}
}

static int drill(const char *command, const struct map_view *view, const char *pid, bool dry_run)
{
	char request[PEL_CONTROL_MAX] = "drill\n";
	struct process_seen *list;
	struct outcome *outcomes;
	int status = STATUS_OK, n = processes_read(view, pid ? command_pid(pid) : 0, &list);

	if (n < 0)
		return command_fail(command, STATUS_FAILED, "who is there cannot be read");
	if (pid && n != 1) {
		processes_free(list, n);
		return n == 0
			? command_fail(command, STATUS_UNKNOWN, "process %s follows no name", pid)
			: command_fail(command, STATUS_FAILED,
				  "%s is the number of %d processes, in containers: all would be meant",
				  pid, n);
	}
	outcomes = calloc((size_t)n + 1, sizeof(*outcomes));
	if (pid)
		(void)pel_control_put(request, sizeof(request), "pid", pid);
	if (dry_run) {
		before_print(list, n);
	} else {
		status = control_client_run(command, request, NULL);
		if (status == STATUS_OK && outcomes) {
			watch(view, list, n, outcomes);
			after_print(list, n, outcomes);
		}
	}
	free(outcomes);
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
	struct map_view view;

	if (status >= 0)
		return status;
	if (strcmp(argv[optind], "close") != 0 || (pid && command_pid(pid) == 0))
		return command_usage(help);
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(argv[0], r);
	status = drill(argv[0], &view, pid, dry_run);
	map_view_close(&view);
	return status;
}
