/* SPDX-License-Identifier: Apache-2.0 */
/* pelorusd: keeps the topology of database clusters for all processes of a user. */
#include "config.h"
#include "daemon.h"
#include "options.h"
#include "station.h"
#include "supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_CONFIGURATION 2

static int complain(int status, const char *what, const char *why)
{
	fprintf(stderr, "pelorusd: %s%s%s\n", what, *what ? ": " : "", why);
	return status;
}

/* An absolute path, for the directory is left later. */
static void path_resolve(char path[static CONFIG_PATH_MAX])
{
	char *whole = realpath(path, NULL);

	if (whole && strlen(whole) < CONFIG_PATH_MAX)
		strcpy(path, whole);
	free(whole);
}

static int configuration_read(
	const struct options *options, char ret_path[static CONFIG_PATH_MAX], struct config **ret)
{
	struct config_error error;
	int r = config_find(options->config_path, ret_path);

	if (r == -ENOENT)
		*ret_path = '\0';
	else if (r < 0)
		return complain(EXIT_CONFIGURATION, "configuration", strerror(-r));
	else
		path_resolve(ret_path);
	if (config_load(ret_path, ret, &error) < 0)
		return complain(EXIT_CONFIGURATION, "", error.text);
	return 0;
}

/* 0; an exit status otherwise; -EBUSY where another prober is at work, and all is well. */
static int station_take(const struct options *options, struct station *ret)
{
	const char *named = options->runtime_dir ? options->runtime_dir
						 : getenv("PELORUS_RUNTIME_DIR");
	struct pel_rundir rundir;
	int r = pel_rundir_choose(named, geteuid(), &rundir);

	if (r < 0)
		return complain(1, named, strerror(-r));
	r = station_open(&rundir, ret);
	if (r == -EPERM)
		return complain(1, rundir.path,
			"its owner or mode cannot be trusted (expected our own, mode 0700 or 0755)");
	if (r < 0 && r != -EBUSY)
		return complain(1, rundir.path, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct supervisor_options run = {.ready_fd = -1};
	char config_path[CONFIG_PATH_MAX], log_path[PEL_RUNDIR_MAX + 16];
	struct options options;
	struct station station;
	int r;

	daemon_shed();
	r = options_parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_CONFIGURATION : 0;
	r = configuration_read(&options, config_path, &run.config);
	if (r != 0)
		return r;
	r = station_take(&options, &station);
	if (r != 0)
		return r == -EBUSY ? 0 : r;
	if (!options.foreground && !options.log_file) {
		(void)snprintf(log_path, sizeof(log_path), "%s/prober.log", station.rundir.path);
		options.log_file = log_path;
	}
	if (!options.foreground) {
		run.ready_fd = daemon_detach();
		if (run.ready_fd < 0)
			return complain(1, "background", strerror(-run.ready_fd));
	}
	run.options = &options;
	run.station = &station;
	run.config_path = config_path;
	return supervisor_run(&run);
}
