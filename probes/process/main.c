/* SPDX-License-Identifier: Apache-2.0 */
/* pelorusd: keeps the topology of database clusters for all processes of a user. */
#include "config/config.h"
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

/* Paths on the command line, made absolute: the directory is left later. */
struct paths {
	char config[CONFIG_PATH_MAX];
	char runtime_dir[CONFIG_PATH_MAX];
	char log_file[CONFIG_PATH_MAX];
	char defaults_file[CONFIG_PATH_MAX];
};

static bool path_resolve(const char *path, char ret[static CONFIG_PATH_MAX])
{
	char directory[CONFIG_PATH_MAX] = "";
	int n;

	if (*path != '/' && !getcwd(directory, sizeof(directory)))
		return false;
	n = snprintf(ret, CONFIG_PATH_MAX, "%s%s%s", directory, *directory ? "/" : "", path);
	return n > 0 && n < CONFIG_PATH_MAX;
}

static int paths_resolve(struct options *o, struct paths *paths)
{
	const char *environment = getenv("PELORUS_RUNTIME_DIR");
	struct {
		const char **path;
		char *to;
	} all[] = {
		{&o->runtime_dir, paths->runtime_dir},
		{&o->log_file, paths->log_file},
		{&o->defaults_file, paths->defaults_file},
	};

	if (!o->runtime_dir && environment && *environment)
		o->runtime_dir = environment;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!*all[i].path)
			continue;
		if (!path_resolve(*all[i].path, all[i].to))
			return complain(EXIT_CONFIGURATION, *all[i].path, strerror(ENAMETOOLONG));
		*all[i].path = all[i].to;
	}
	return 0;
}

static int configuration_read(const struct options *options, char ret_path[static CONFIG_PATH_MAX],
	struct config **ret)
{
	char found[CONFIG_PATH_MAX];
	struct config_error error;
	int r = config_find(options->config_path, found);

	if (r == -ENOENT)
		*ret_path = '\0';
	else if (r < 0 || !path_resolve(found, ret_path))
		return complain(EXIT_CONFIGURATION, "configuration", strerror(ENAMETOOLONG));
	if (config_load(ret_path, ret, &error) < 0)
		return complain(EXIT_CONFIGURATION, "", error.text);
	return 0;
}

/* 0; an exit status otherwise; -EBUSY where another prober is at work, and all is well. */
static int station_take(const struct options *options, struct station *ret)
{
	struct pel_rundir rundir;
	int r = pel_rundir_choose(options->runtime_dir, geteuid(), &rundir);

	if (r < 0)
		return complain(1, options->runtime_dir, strerror(-r));
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
	char log_path[PEL_RUNDIR_MAX + 16];
	struct options options;
	struct paths paths;
	struct station station;
	int r;

	daemon_shed();
	r = options_parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_CONFIGURATION : 0;
	r = paths_resolve(&options, &paths);
	if (r == 0)
		r = configuration_read(&options, paths.config, &run.config);
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
	run.config_path = paths.config;
	return supervisor_run(&run);
}
