/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus watch: clusters, processes and events, live. */
#include "commands.h"

#include "control_client.h"
#include "map_view.h"
#include "screen.h"
#include "status_json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS_SHOWN 12
#define PROCESSES_SHOWN 8
#define INTERVAL_MS 500
#define ASK_S 1 /* keys are waited for, too */

static const char help[] =
	"usage: pelorus watch\n"
	"Shows clusters, instances, processes and the last events, live, on the whole screen.\n"
	"Ends with q or Ctrl-C.\n";

static void title_print(FILE *to)
{
	char *body = control_client_text("status\n", ASK_S), clock[16];
	struct json_object *status = body ? json_tokener_parse(body) : NULL, *clients;
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(to, "pelorus  %s  q ends\n", clock);
	clients = status_json_at(status, "clients");
	if (clients)
		fprintf(to,
			"%lld processes, %lld connections tracked; %lld routed, %lld severed, "
			"%lld refused\n",
			status_json_number(clients, "live"), status_json_number(clients, "tracked"),
			status_json_number(clients, "routed"),
			status_json_number(clients, "severed"),
			status_json_number(clients, "refused"));
	else
		fputs("no prober is at work\n", to);
	if (status_json_number(clients, "held"))
		fprintf(to, "%lld connects wait for a writer\n",
			status_json_number(clients, "held"));
	fputc('\n', to);
	json_object_put(status);
	free(body);
}

/* Below the tables, a bar for each instance that is being warmed. */
static void warming_print(const struct report *r, FILE *to)
{
	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		if (in->warm_done == in->warm_total && !in->elsewhere)
			continue;
		fprintf(to, "%s warming ", in->id);
		if (in->elsewhere)
			fputs("by another prober", to);
		else
			bar_print(to, in->warm_done, in->warm_total);
		fputc('\n', to);
	}
}

static void clusters_print(FILE *to)
{
	struct report *reports;
	int n = map_view_reports(NULL, &reports);

	if (n > 0)
		(void)report_print(reports, (unsigned)n, REPORT_TABLE, false, to);
	else if (n == 0)
		fputs("no cluster is followed\n", to);
	for (int i = 0; i < n; i++)
		warming_print(&reports[i], to);
	free(reports);
}

/* Those that wait first, then those with most connections. */
static int slot_compare(const void *a, const void *b)
{
	const struct pel_slot *x = &((const struct slot_seen *)a)->slot,
			      *y = &((const struct slot_seen *)b)->slot;

	if (x->held != y->held)
		return x->held < y->held ? 1 : -1;
	return (x->tracked < y->tracked) - (x->tracked > y->tracked);
}

static void processes_print(FILE *to)
{
	struct slot_seen *slots;
	struct map_view view;
	int n = map_view_open(&view);

	if (n < 0)
		return;
	n = map_view_slots(&view, 0, &slots);
	map_view_close(&view);
	if (n > 0) {
		qsort(slots, (size_t)n, sizeof(*slots), slot_compare);
		fprintf(to, "\n%7s %-16s %5s %7s %5s\n", "PID", "COMMAND", "OPEN", "SEVERED",
			"HELD");
	}
	for (int i = 0; i < n && i < PROCESSES_SHOWN; i++)
		fprintf(to, "%7d %-16s %5u %7u %5u\n", slots[i].slot.pid, slots[i].command,
			slots[i].slot.tracked, slots[i].slot.severed, slots[i].slot.held);
	if (n > PROCESSES_SHOWN)
		fprintf(to, "%7s and %d more: pelorus ps\n", "", n - PROCESSES_SHOWN);
	free(slots);
}

/* The newest first, so that a low screen cuts off the oldest. */
static void events_print(FILE *to)
{
	char *lines[EVENTS_SHOWN] = {0}, *body = control_client_text("events\n", ASK_S);
	unsigned n = 0;

	for (char *line = body ? strtok(body, "\n") : NULL; line; line = strtok(NULL, "\n"))
		lines[n++ % EVENTS_SHOWN] = line;
	fputs("\nlast events\n", to);
	for (unsigned i = 0; i < n && i < EVENTS_SHOWN; i++) {
		struct json_object *event = json_tokener_parse(lines[(n - 1 - i) % EVENTS_SHOWN]);
		const char *when = status_json_text(event, "time");

		if (strlen(when) > 19)
			fprintf(to, "%.12s  %-18s %s\n", when + 11, status_json_text(event, "code"),
				status_json_text(event, "text"));
		json_object_put(event);
	}
	free(body);
}

static char *frame_make(void *context)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	title_print(to);
	clusters_print(to);
	processes_print(to);
	events_print(to);
	(void)fclose(to);
	return text ? command_plain(text) : NULL;
}

int cmd_watch(int argc, char **argv)
{
	int status = command_parse(argc, argv, NULL, 0, 0, help);

	return status >= 0 ? status : screen_run(frame_make, NULL, INTERVAL_MS);
}
