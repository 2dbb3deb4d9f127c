/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus ps: the processes that follow a name, as they tell of themselves.  Each tells once a second at
 * most; one that has just ended may be listed for some seconds.
 */
#include "commands.h"

#include "map_view.h"

#include "common/names.h"

#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: pelorus ps\n"
	"Lists the processes that follow a name: connections that are open, that were severed,\n"
	"connects that wait for a writer now, have waited, and waited in vain, the longest wait.\n";

static const char *name_of(const struct report *reports, unsigned n, uint64_t hash)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < reports[i].n_names; k++) {
			if (pel_name_hash(reports[i].names[k]) == hash)
				return reports[i].names[k];
		}
	}
	return "?";
}

static void slot_print(const struct pel_slot *s, const struct report *reports, unsigned n)
{
	char version[16], longest[16] = "-";

	(void)snprintf(version, sizeof(version), "%u.%u.%u", s->version >> 16 & 255,
		s->version >> 8 & 255, s->version & 255);
	if (s->longest_ms)
		(void)snprintf(longest, sizeof(longest), "%.1f s", s->longest_ms / 1e3);
	printf("%7d %-16s %-8s %5u %7u %5u %6u %7u %8s ", s->pid, *s->command ? s->command : "-",
		version, s->tracked, s->severed, s->held, s->waited, s->given_up, longest);
	for (unsigned i = 0; i < PEL_SLOT_NAMES && s->names[i]; i++)
		printf("%s%s", i ? "," : "", name_of(reports, n, s->names[i]));
	putchar('\n');
}

static int list(const char *command, const struct map_view *view)
{
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	struct pel_slot *slots = NULL;
	int n_slots = map_view_slots(view, &slots);
	unsigned n = reports ? map_view_all(view, reports) : 0;

	if (reports && n_slots >= 0)
		printf("%7s %-16s %-8s %5s %7s %5s %6s %7s %8s %s\n", "PID", "COMMAND", "VERSION",
			"OPEN", "SEVERED", "HELD", "WAITED", "IN VAIN", "LONGEST", "NAMES");
	for (int i = 0; reports && i < n_slots; i++)
		slot_print(&slots[i], reports, n);
	free(slots);
	free(reports);
	return reports && n_slots >= 0
		? STATUS_OK
		: command_fail(command, STATUS_FAILED, "who is there cannot be read");
}

int cmd_ps(int argc, char **argv)
{
	int status = command_parse(argc, argv, NULL, 0, 0, help), r;
	struct map_view view;

	if (status >= 0)
		return status;
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(argv[0], r);
	status = list(argv[0], &view);
	map_view_close(&view);
	return status;
}
