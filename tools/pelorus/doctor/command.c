/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus doctor: looks at everything that Pelorus needs, in the order in which one thing needs the
 * other, and tells for each that is not well what mends it.
 */
#include "commands.h"

#include "doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 5000

static const char help[] =
	"usage: pelorus doctor [--cluster NAME]... [--wait SECONDS] [-- COMMAND [ARGUMENT...]]\n"
	"Looks at library, target, configuration, runtime directory, prober, credentials, privileges\n"
	"and DNS, and tells what mends that which is not well.  COMMAND is looked at, not run.\n"
	"\n"
	"  --cluster NAME  looks at NAME; else at those of PELORUS_CLUSTER, or all that are followed\n"
	"  --wait SECONDS  for a first topology, 5 unless told\n"
	"\n"
	"Ends with 0 if nothing is wrong, 1 if something is.\n";

void doctor_tell(struct doctor *d, enum finding finding, const char *remedy, const char *format,
	...)
{
	static const struct {
		const char *word, *color;
	} styles[] = {{"ok", "\033[32m"}, {"note", "\033[33m"}, {"FAIL", "\033[31m"}};
	va_list args;

	d->failures += finding == FINDING_FAILURE;
	d->warnings += finding == FINDING_NOTE;
	printf("%s%-4s%s  ", d->colors ? styles[finding].color : "", styles[finding].word,
		d->colors ? "\033[0m" : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
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

/* 0, 1 for --help, -1 for a mistake. */
static int options_take(struct doctor *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"cluster", required_argument, NULL, 'c'},
		{"wait", required_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'h')
			return 1;
		if (option == 'c')
			names_add(d, optarg);
		else if (option == 'w' && atoi(optarg) >= 0 && atoi(optarg) <= 600)
			d->wait_ms = 1000 * (unsigned)atoi(optarg);
		else
			return -1;
	}
	d->command = optind < argc ? argv + optind : NULL;
	return 0;
}

static int examine(struct doctor *d)
{
	doctor_look_library(d);
	doctor_look_target(d);
	doctor_look_configuration(d);
	if (doctor_look_directory(d) && doctor_look_prober(d))
		doctor_look_clusters(d);
	if (d->failures == 0)
		printf("\nNothing is wrong%s.\n", d->warnings ? "; see the notes" : "");
	else
		printf("\n%u thing%s to mend.\n", d->failures, d->failures == 1 ? "" : "s");
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
	if (r != 0) {
		fputs(help, r == 1 ? stdout : stderr);
		return r == 1 ? STATUS_OK : STATUS_USAGE;
	}
	d.colors = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	if (d.n_names == 0 && clusters && strlen(clusters) < sizeof(list))
		names_add(&d, strcpy(list, clusters));
	return examine(&d);
}
