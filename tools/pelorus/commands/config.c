/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus config: what the configuration says, from where, and whether it is right. */
#include "commands.h"

#include "config/config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: pelorus config show|check [--config FILE]\n"
	"show prints every value with its origin (default, file and line, environment), passwords\n"
	"masked; check tells whether the configuration would be taken.\n"
	"\n"
	"  --config FILE  looks at FILE instead of the one that pelorusd would read\n";

static const char *const variables[] = {"PELORUS_CLUSTER", "PELORUS_CONFIG", "PELORUS_DISABLED",
	"PELORUS_EXCLUDE", "PELORUS_FAILOVER", "PELORUS_FAILOVER_TIMEOUT", "PELORUS_HOLD",
	"PELORUS_INCLUDE", "PELORUS_LOG", "PELORUS_LOG_FORMAT", "PELORUS_MODE", "PELORUS_PROBER",
	"PELORUS_RETRY", "PELORUS_RUNTIME_DIR", "PELORUS_SEVER", "PELORUS_TRACE",
	"PELORUS_TRACE_FORMAT", "PELORUS_USER", "PELORUS_PASSWORD"};

static void section_print(const struct config *config, const struct config_cluster *cluster)
{
	struct config_shown shown;

	if (cluster)
		printf("\n[cluster %s]\n", cluster->name);
	else
		printf("[pelorus]\n");
	for (unsigned i = 0; config_show(config, cluster, i, &shown); i++) {
		if (!cluster || shown.line || *shown.value) {
			printf("%s = %s  # ", shown.key, shown.value);
			if (shown.line)
				printf("%s:%u\n", config->path, shown.line);
			else
				printf("default\n");
		}
	}
}

static void environment_print(void)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			printf("# %s=%s  # environment\n", variables[i],
				strstr(variables[i], "PASSWORD") ? "***" : value);
	}
}

static void config_print(const struct config *config)
{
	printf("# %s\n",
		*config->path ? config->path : "no configuration file: everything is default");
	environment_print();
	section_print(config, NULL);
	for (unsigned i = 0; i < config->n_clusters; i++)
		section_print(config, &config->clusters[i]);
}

static int config_run(const char *command, bool check, const char *named)
{
	char path[CONFIG_PATH_MAX] = "";
	struct config_error error = {.text = ""};
	struct config *config;

	if (config_find(named, path) < 0)
		*path = '\0';
	if (config_load(path, &config, &error) < 0)
		return command_fail(command, STATUS_FAILED, "%s", error.text);
	if (!check)
		config_print(config);
	else if (*path)
		printf("%s: would be taken, %u clusters\n", path, config->n_clusters);
	else
		printf("there is no configuration file: everything is default\n");
	config_free(config);
	return STATUS_OK;
}

int cmd_config(int argc, char **argv)
{
	const char *path = NULL;
	const struct command_option options[] = {{"config", .word = &path}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help);
	bool check;

	if (status >= 0)
		return status;
	check = strcmp(argv[optind], "check") == 0;
	if (!check && strcmp(argv[optind], "show") != 0)
		return command_wrong(argv[0], "COMMAND", argv[optind], "show or check");
	return config_run(argv[0], check, path);
}
