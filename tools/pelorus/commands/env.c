/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus env: the lines that preload the library, in the form of a shell, a Dockerfile or a unit.
 *
 * A shell gets what it has preloaded already behind the library; an image and a unit start from
 * nothing, and their lines must not depend on who printed them.
 */
#include "commands.h"

#include "preload.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX 8192

static const char help[] =
	"usage: pelorus env [--shell sh|fish|docker|systemd] [--cluster NAME]...\n"
	"Prints the lines that preload the library: for eval in a shell, for a Dockerfile, for a unit.\n"
	"\n"
	"  --shell FORM    sh (the default), fish, docker or systemd\n"
	"  --cluster NAME  also follows NAME, whose form does not tell that it is a cluster\n";

struct form {
	const char *name;
	const char *line;
	bool inherits; /* keeps what is preloaded already */
};

static const struct form forms[] = {
	{"sh", "export %s='%s'\n", true},
	{"fish", "set -gx %s '%s'\n", true},
	{"docker", "ENV %s=\"%s\"\n", false},
	{"systemd", "Environment=\"%s=%s\"\n", false},
};

static const struct form *form_find(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	}
	return NULL;
}

/* True if the text means itself in every form. */
static bool is_plain(const char *text)
{
	return text[strcspn(text, "'\"\\$%`\n")] == '\0';
}

static int line_print(const char *command, const struct form *form, const char *key,
	const char *value)
{
	if (!is_plain(value))
		return command_fail(command, STATUS_FAILED, "%s: cannot be quoted: %s", key, value);
	printf(form->line, key, value);
	return STATUS_OK;
}

static int lines_print(const char *command, const struct form *form, const char *clusters)
{
	const char *directory = getenv("PELORUS_RUNTIME_DIR");
	char library[PATH_MAX], preload[8192];
	int status, r = preload_find_library(library);

	if (r < 0)
		return command_fail(command, STATUS_FAILED, PRELOAD_LIBRARY " cannot be found: %s",
			strerror(-r));
	r = preload_prepend(form->inherits ? getenv("LD_PRELOAD") : NULL, library, preload,
		sizeof(preload));
	if (r < 0)
		return command_fail(command, STATUS_FAILED, "%s cannot be preloaded from there",
			library);
	status = line_print(command, form, "LD_PRELOAD", preload);
	if (status == STATUS_OK && *clusters)
		status = line_print(command, form, "PELORUS_CLUSTER", clusters);
	if (status == STATUS_OK && directory && *directory)
		status = line_print(command, form, "PELORUS_RUNTIME_DIR", directory);
	return status;
}

int cmd_env(int argc, char **argv)
{
	static const struct option options[] = {
		{"shell", required_argument, NULL, 's'},
		{"cluster", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const struct form *form = &forms[0];
	char clusters[CLUSTERS_MAX] = "";
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		size_t n = strlen(clusters);

		if (option == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (option == 's')
			form = form_find(optarg);
		if (!form)
			return command_wrong(argv[0], "--shell", optarg,
				"sh, fish, docker or systemd");
		if (option == 'c' && strlen(optarg) + 2 < sizeof(clusters) - n)
			(void)snprintf(clusters + n, sizeof(clusters) - n, "%s%s", n ? "," : "",
				optarg);
		else if (option != 's')
			return command_usage(help);
	}
	if (optind < argc)
		return command_usage(help);
	return lines_print(argv[0], form, clusters);
}
