/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus: looks at what the prober knows, and tells it what to do. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
	{"admit", cmd_admit, "have readers use a new or held instance"},
	{"auth-token", cmd_auth_token, "a password of IAM for a database user"},
	{"check", cmd_check, "for monitoring: is there a writer, are there readers"},
	{"config", cmd_config, "the configuration, and where each value is from"},
	{"doctor", cmd_doctor, "what keeps Pelorus from working, and what mends it"},
	{"env", cmd_env, "the lines that set it up for a shell, a container, a service"},
	{"events", cmd_events, "what happened lately"},
	{"follow", cmd_follow, "have the prober follow a cluster"},
	{"hold", cmd_admit, "keep readers from an instance"},
	{"lab", cmd_lab, "a local cluster to try it with"},
	{"metrics", cmd_metrics, "counters and gauges for Prometheus"},
	{"ps", cmd_ps, "the processes that follow a cluster"},
	{"refresh", cmd_refresh, "have the prober ask every instance now"},
	{"reload", cmd_reload, "have the prober read its configuration again"},
	{"resolve", cmd_resolve, "where a name leads, with and without Pelorus, and why"},
	{"run", cmd_run, "start a program that follows its clusters"},
	{"status", cmd_status, "the prober: how it does, who uses it"},
	{"stop", cmd_stop, "end the prober"},
	{"topology", cmd_topology, "the instances of a cluster, as every process sees them"},
	{"version", cmd_version, "the version, and those of its libraries"},
	{"warm", cmd_warm, "fill an instance's caches"},
	{"watch", cmd_watch, "everything live, on the whole screen"},
	{0},
};

static void help_print(FILE *to)
{
	fputs("usage: pelorus COMMAND [OPTION...]\n"
	      "Makes unmodified programs follow a database cluster.\n\n",
		to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-10s %s\n", c->name, c->summary);
	fputs("\n`pelorus COMMAND --help` tells more about each.\n", to);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, word) == 0)
			return c->run(argc - 1, argv + 1);
	}
	if (strcmp(word, "--version") == 0) {
		puts("pelorus " PELORUS_VERSION);
		return STATUS_OK;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
		help_print(stdout);
		return STATUS_OK;
	}
	if (*word)
		fprintf(stderr, "pelorus: there is no command %s\n", word);
	help_print(stderr);
	return STATUS_USAGE;
}
