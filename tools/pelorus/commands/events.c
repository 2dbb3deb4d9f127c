/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus events: what the prober remembers of what happened, and what happens from now on.
 *
 * Numbers begin anew with a prober.  So one that follows, and has lost its prober, asks the next one
 * for everything: the line that was told last, number, time and text, is among it if the events are
 * the same ones.
 */
#include "commands.h"

#include "control_client.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: pelorus events [-f] [-n NUMBER] [--since WHEN] [--json]\n"
	"Prints what happened: writers changed, instances unreachable, back, added, removed,\n"
	"connections severed.\n"
	"\n"
	"  -f, --follow         goes on with what happens from now on, by a new prober too\n"
	"  -n, --number NUMBER  no more than the last NUMBER of those that have happened\n"
	"      --since WHEN     none before: 90s, 10m, 2h, 3d ago, or a time as it is printed, or its\n"
	"                       beginning: 2026-01-31T12\n"
	"      --json           one JSON object a line\n";

#define RETRY_NS 300000000L
#define TIME_MAX 32

struct wish {
	bool follow, json;
	unsigned long number; /* of those that have happened */
	char since[TIME_MAX]; /* times are compared as text: UTC, from years to milliseconds */
};

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
	char *text = NULL;

	if (!event)
		puts(line);
	else if (asprintf(&text, "%s  %-20s %s%s%s%s%s", member(event, "time"),
			 member(event, "code"), cluster, *cluster ? ": " : "", instance,
			 *instance ? ": " : "", member(event, "text")) >= 0)
		puts(command_plain(text));
	free(text);
	json_object_put(event);
}

/* What stands in a line behind "time":", or "". */
static const char *time_of(const char *line)
{
	const char *at = strstr(line, "\"time\":\"");

	return at ? at + 8 : "";
}

static bool is_before(const char *line, const struct wish *w)
{
	return strncmp(time_of(line), w->since, strlen(w->since)) < 0;
}

/* The last line of a body, which is copied; NULL if there is none. */
static char *last_line(const char *body)
{
	size_t n = strlen(body), start;

	while (n && body[n - 1] == '\n')
		n--;
	for (start = n; start && body[start - 1] != '\n';)
		start--;
	return n ? strndup(body + start, n - start) : NULL;
}

/* Prints the last `most` lines of the time that is asked for. */
static void events_print(const char *body, const struct wish *w, unsigned long most)
{
	char *text = strdup(body);
	unsigned long n = 0;

	for (const char *at = body; *at; at += strcspn(at, "\n"), at += *at == '\n')
		n += !is_before(at, w);
	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		if (!is_before(line, w) && n-- <= most)
			event_print(line, w->json);
	}
	free(text);
	fflush(stdout);
}

/* What was not told yet of all that a prober knows: behind the line that was told last. */
static const char *untold(const char *body, const char *told)
{
	const char *at = told ? strstr(body, told) : NULL;

	if (at)
		at += strlen(told);
	return at ? at + (*at == '\n') : body;
}

/* Of another prober, perhaps, which may have to be waited for. */
static char *events_again(const char *command)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	char *body = control_client_text("events\n", CONTROL_CLIENT_S);

	if (!body)
		fprintf(stderr, "pelorus %s: the prober is gone; waiting for another\n", command);
	while (!body) {
		(void)nanosleep(&pause, NULL);
		body = control_client_text("events\n", CONTROL_CLIENT_S);
	}
	return body;
}

static int events_follow(const char *command, const struct wish *w, char *told)
{
	while (!ferror(stdout)) {
		unsigned long long seq = 0;
		char request[80], *body, *last;

		(void)sscanf(told ? told : "", "{\"seq\":%llu", &seq);
		(void)snprintf(request, sizeof(request), "events\nsince=%llu\nwait=1\n", seq);
		body = control_client_text(request, 0);
		if (!body)
			body = events_again(command);
		events_print(untold(body, told), w, ULONG_MAX);
		last = last_line(body);
		if (last) {
			free(told);
			told = last;
		}
		free(body);
	}
	free(told);
	return STATUS_FAILED;
}

/* "10m" is a time ago; whatever else begins with a year is one itself. */
static bool since_parse(const char *text, char ret[static TIME_MAX])
{
	static const char units[] = "smhd";
	static const time_t seconds[] = {1, 60, 3600, 86400};
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	struct tm tm;
	time_t then;

	if (end == text || *text == '-')
		return false;
	if (*end == '-' || (number >= 1970 && !*end && end == text + 4))
		return snprintf(ret, TIME_MAX, "%s", text) < TIME_MAX;
	if (!unit || end[1] || number > 36500)
		return false;
	then = time(NULL) - (time_t)number * seconds[unit - units];
	return gmtime_r(&then, &tm) && strftime(ret, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
}

static int events(const char *command, const struct wish *w)
{
	char *body, *told;
	int status = control_client_run(command, "events\n", &body);

	if (status != STATUS_OK)
		return status;
	events_print(body, w, w->number);
	told = last_line(body);
	free(body);
	if (w->follow)
		return events_follow(command, w, told);
	free(told);
	return STATUS_OK;
}

int cmd_events(int argc, char **argv)
{
	struct wish w = {.number = ULONG_MAX};
	const char *number = NULL, *since = NULL;
	const struct command_option options[] = {{"follow", .flag = &w.follow, .letter = 'f'},
		{"json", .flag = &w.json}, {"number", .word = &number, .letter = 'n'},
		{"since", .word = &since}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	char *end;

	if (status >= 0)
		return status;
	if (number) {
		w.number = strtoul(number, &end, 10);
		if (end == number || *end || *number == '-')
			return command_wrong(argv[0], "--number", number, "a number");
	}
	if (since && !since_parse(since, w.since))
		return command_wrong(argv[0], "--since", since,
			"90s, 10m, 2h, 3d, or the beginning of a time such as 2026-01-31T12:00");
	return events(argv[0], &w);
}
