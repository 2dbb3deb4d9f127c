/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus events: what the prober remembers of what happened, and what happens from now on. */
#include "commands.h"

#include "control_client.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: pelorus events [-f] [--json]\n"
	"Prints what happened: writers changed, instances unreachable, back, added, removed,\n"
	"connections severed.\n"
	"\n"
	"  -f, --follow  goes on with what happens from now on\n"
	"      --json    one JSON object a line\n";

static const char *member(struct json_object *event, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(event, key, &value) ? json_object_get_string(value) : "";
}

static void event_print(const char *line, bool json)
{
	struct json_object *event = json ? NULL : json_tokener_parse(line);
	const char *cluster = event ? member(event, "cluster") : "";
	const char *instance = event ? member(event, "instance") : "";

	if (!event)
		puts(line);
	else
		printf("%s  %-20s %s%s%s%s%s\n", member(event, "time"), member(event, "code"),
			cluster, *cluster ? ": " : "", instance, *instance ? ": " : "",
			member(event, "text"));
	json_object_put(event);
}

/* Prints each line; the number of the last event. */
static unsigned long long events_print(char *body, bool json, unsigned long long since)
{
	for (char *line = strtok(body, "\n"); line; line = strtok(NULL, "\n")) {
		(void)sscanf(line, "{\"seq\":%llu", &since);
		event_print(line, json);
	}
	fflush(stdout);
	return since;
}

static int events_follow(const char *command, bool json, unsigned long long since)
{
	for (;;) {
		char request[80], *body;
		int status;

		(void)snprintf(request, sizeof(request), "events\nsince=%llu\nwait=1\n", since);
		status = control_client_run(command, request, &body);
		if (status != STATUS_OK)
			return status;
		since = events_print(body, json, since);
		free(body);
	}
}

int cmd_events(int argc, char **argv)
{
	bool follow = false, json = false;
	const struct command_option options[] = {{"follow", .flag = &follow, .letter = 'f'},
		{"json", .flag = &json}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	unsigned long long since;
	char *body;

	if (status >= 0)
		return status;
	status = control_client_run(argv[0], "events\n", &body);
	if (status != STATUS_OK)
		return status;
	since = events_print(body, json, 0);
	free(body);
	return follow ? events_follow(argv[0], json, since) : STATUS_OK;
}
