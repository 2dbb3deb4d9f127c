/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus ps: the processes that follow a name, as they tell of themselves.  Each tells once a second at
 * most; one that has just ended may be listed for some seconds.  Which connections they have the kernel
 * tells, of processes that this user may look into.
 */
#include "commands.h"

#include "processes/processes.h"

#include "common/words.h"

#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: pelorus ps [--json] [PID]\n"
	"Lists the processes that follow a name: their user, the library's version, whether they are\n"
	"led (active), observed or switched off; connections that are open, and to which instance; how\n"
	"many were severed; connects that wait for a writer now, have waited, and waited in vain, the\n"
	"longest wait; and how often a handle of a client library was moved.  With PID that one alone,\n"
	"a line for each.\n";

/* What the kernel says; where it does not, what the process last told. */
static unsigned open_of(const struct process_seen *p)
{
	return p->open < 0 ? p->told.slot.tracked : (unsigned)p->open;
}

static void list_print(const char *between, const struct process_seen *p, bool instances)
{
	unsigned n = instances ? p->n_instances : p->n_names;

	if (n == 0)
		putchar('-');
	for (unsigned i = 0; i < n; i++) {
		if (instances)
			printf("%s%s:%u", i ? between : "", p->instances[i].id,
				p->instances[i].open);
		else
			printf("%s%s", i ? between : "", p->names[i]);
	}
}

static void line_print(const struct process_seen *p)
{
	const struct pel_slot *s = &p->told.slot;
	char version[16], longest[16] = "-";

	slot_version_text(&p->told, version);
	if (s->longest_ms)
		(void)snprintf(longest, sizeof(longest), "%.1f s", s->longest_ms / 1e3);
	printf("%7d %-8s %-16s %-8s %-7s %5u %7u %5u %5u %6u %7u %8s ", s->pid, p->user,
		p->told.command, version, pel_word_of_mode(p->mode), open_of(p), s->severed,
		s->held, s->moved, s->waited, s->given_up, longest);
	list_print(",", p, true);
	putchar(' ');
	list_print(",", p, false);
	putchar('\n');
}

static void table_print(const struct process_seen *list, int n)
{
	printf("%7s %-8s %-16s %-8s %-7s %5s %7s %5s %5s %6s %7s %8s %s %s\n", "PID", "USER",
		"COMMAND", "VERSION", "MODE", "OPEN", "SEVERED", "HELD", "MOVED", "WAITED",
		"IN VAIN", "LONGEST", "INSTANCES", "NAMES");
	for (int i = 0; i < n; i++)
		line_print(&list[i]);
}

/* An earlier release's library tells none. */
static void reasons_print(const struct process_seen *p, bool json)
{
	const char *between = json ? "" : ": ";

	for (unsigned i = 0; i < PEL_SEVERED; i++) {
		unsigned n = p->told.more.severed_by[i];

		if (n == 0)
			continue;
		printf(json ? "%s\"%s\":%u" : "%s%s %u", between, pel_word_of_severed(i), n);
		between = json ? "," : ", ";
	}
}

static void process_print(const struct process_seen *p)
{
	const struct pel_slot *s = &p->told.slot;
	char version[16];

	slot_version_text(&p->told, version);
	printf("process   %d, %s of %s\n", s->pid, p->told.command, p->user);
	printf("library   %s, %s\n", version, pel_word_of_mode(p->mode));
	printf("names     ");
	list_print(" ", p, false);
	printf("\nopen      %u: ", open_of(p));
	list_print(" ", p, true);
	printf("\nsevered   %u", s->severed);
	reasons_print(p, false);
	putchar('\n');
	printf("moved     %u, statements executed again %u\n", s->moved, s->retried);
	printf("held      %u now, %u in all, %u in vain, %.1f s at most\n", s->held, s->waited,
		s->given_up, s->longest_ms / 1e3);
	printf("connects  %u led, %u refused\n", s->routed, s->refused);
}

static void json_print(const struct process_seen *list, int n)
{
	putchar('[');
	for (int i = 0; i < n; i++) {
		const struct process_seen *p = &list[i];
		const struct pel_slot *s = &p->told.slot;
		struct json_object *user = json_object_new_string(p->user); /* CORP\alice */
		char version[16];

		slot_version_text(&p->told, version);
		printf("%s{\"pid\":%d,\"user\":%s,\"command\":\"%s\",\"version\":\"%s\","
		       "\"mode\":\"%s\",\"open\":%u,\"severed\":%u,\"held\":%u,\"moved\":%u,"
		       "\"waited\":%u,\"given_up\":%u,\"longest_ms\":%u,\"names\":[",
			i ? "," : "", s->pid, json_object_to_json_string(user), p->told.command,
			version, pel_word_of_mode(p->mode), open_of(p), s->severed, s->held,
			s->moved, s->waited, s->given_up, s->longest_ms);
		for (unsigned k = 0; k < p->n_names; k++)
			printf("%s\"%s\"", k ? "," : "", p->names[k]);
		printf("],\"instances\":{");
		for (unsigned k = 0; k < p->n_instances; k++)
			printf("%s\"%s\":%u", k ? "," : "", p->instances[k].id,
				p->instances[k].open);
		printf("},\"severed_by\":{");
		reasons_print(p, true);
		printf("}}");
		json_object_put(user);
	}
	puts("]");
}

static int list(const char *command, const struct map_view *view, pid_t only, bool json)
{
	struct process_seen *found;
	int n = processes_read(view, &(struct process_filter){.pid = only}, &found),
	    status = STATUS_OK;

	if (n < 0)
		status = command_fail(command, STATUS_FAILED, "who is there cannot be read");
	else if (only && n == 0)
		status = command_fail(command, STATUS_UNKNOWN, "process %d follows no name", only);
	else if (json)
		json_print(found, n);
	else if (only)
		process_print(&found[0]);
	else
		table_print(found, n);
	processes_free(found, n);
	return status;
}

int cmd_ps(int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = {{"json", .flag = &json}, {0}};
	int status = command_parse(argc, argv, options, 0, 1, help), r;
	struct map_view view;
	pid_t pid = 0;

	if (status >= 0)
		return status;
	if (argv[optind]) {
		pid = command_pid(argv[optind]);
		if (pid == 0)
			return command_usage(help);
	}
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(argv[0], r);
	status = list(argv[0], &view, pid, json);
	map_view_close(&view);
	return status;
}
