/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus doctor: looks at everything that Pelorus needs, in the order in which one thing needs the
 * other, and tells for each that is not well what mends it.
 */
#include "commands.h"

#include "doctor.h"

#include <getopt.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 5000

static const char help[] =
	"usage: pelorus doctor [--cluster NAME]... [--wait SECONDS] [--json] [-- COMMAND [ARGUMENT...]]\n"
	"Looks at library, target, configuration, runtime directory, prober, credentials, privileges\n"
	"and DNS, and tells what mends that which is not well.  COMMAND is looked at, not run.\n"
	"\n"
	"  --cluster NAME  looks at NAME; else at those of PELORUS_CLUSTER, or all that are followed\n"
	"  --wait SECONDS  for a first topology, 5 unless told\n"
	"  --json          one JSON object, when all has been looked at\n"
	"\n"
	"Ends with 0 if nothing is wrong, 1 if something is.\n";

static const struct {
	const char *word, *color;
} styles[] = {{"ok", "\033[32m"}, {"note", "\033[33m"}, {"FAIL", "\033[31m"}};

static void finding_keep(struct json_object *to, enum finding finding, const char *remedy,
	const char *text)
{
	static const char *const words[] = {"ok", "note", "fail"};
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "finding", json_object_new_string(words[finding]));
	json_object_object_add(one, "text", json_object_new_string(text));
	if (remedy)
		json_object_object_add(one, "remedy", json_object_new_string(remedy));
	json_object_array_add(to, one);
}

void doctor_tell(struct doctor *d, enum finding finding, const char *remedy, const char *format,
	...)
{
	char text[4 * DOCTOR_TEXT];
	va_list args;

	d->failures += finding == FINDING_FAILURE;
	d->warnings += finding == FINDING_NOTE;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (d->findings) {
		finding_keep(d->findings, finding, remedy, text);
		return;
	}
	printf("%s%-4s%s  %s\n", d->colors ? styles[finding].color : "", styles[finding].word,
		d->colors ? "\033[0m" : "", text);
	if (remedy)
		printf("      -> %s\n", remedy);
	fflush(stdout);
}

static void names_add(struct doctor *d, char *list)
{
	for (char *name = strtok(list, ","); name && d->n_names < DOCTOR_NAMES;
		name = strtok(NULL, ",")) {
		char *colon = strchr(name, ':');

		d->names[d->n_names++] = colon ? colon + 1 : name;
	}
}

static bool seconds_parse(const char *text, unsigned *ret_ms)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*ret_ms = 1000 * (unsigned)number;
	return end != text && !*end && *text != '-' && number <= 600;
}

/* -1 to go on, or the exit status. */
static int options_take(struct doctor *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"cluster", required_argument, NULL, 'c'},
		{"wait", required_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (option == 'c')
			names_add(d, optarg);
		else if (option == 'j')
			d->findings = json_object_new_array();
		else if (option != 'w')
			return command_usage(help);
		else if (!seconds_parse(optarg, &d->wait_ms))
			return command_wrong(argv[0], "--wait", optarg, "0 to 600 seconds");
	}
	d->command = optind < argc ? argv + optind : NULL;
	return -1;
}

static void sum_print(struct doctor *d)
{
	struct json_object *sum;

	if (d->findings) {
		sum = json_object_new_object();
		json_object_object_add(sum, "failures", json_object_new_int((int)d->failures));
		json_object_object_add(sum, "notes", json_object_new_int((int)d->warnings));
		json_object_object_add(sum, "findings", d->findings);
		puts(json_object_to_json_string_ext(sum,
			JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(sum);
	} else if (d->failures == 0) {
		printf("\nNothing is wrong%s.\n", d->warnings ? "; see the notes" : "");
	} else {
		printf("\n%u thing%s to mend.\n", d->failures, d->failures == 1 ? "" : "s");
	}
}

static int examine(struct doctor *d)
{
	doctor_look_library(d);
	doctor_look_target(d);
	doctor_look_configuration(d);
	if (doctor_look_directory(d) && doctor_look_prober(d))
		doctor_look_clusters(d);
	sum_print(d);
	return d->failures ? STATUS_FAILED : STATUS_OK;
}

int cmd_doctor(int argc, char **argv)
{
	const char *no_color = getenv("NO_COLOR"), *clusters = getenv("PELORUS_CLUSTER");
	struct doctor d = {.wait_ms = WAIT_MS};
	char list[8192];
	int r;

	if (argc == 2 && strcmp(argv[1], "--child") == 0)
		return doctor_child();
	r = options_take(&d, argc, argv);
	if (r >= 0)
		return r;
	d.colors = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	if (d.n_names == 0 && clusters && strlen(clusters) < sizeof(list))
		names_add(&d, strcpy(list, clusters));
	return examine(&d);
}
