/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, runtime directory and prober: what must be right before a cluster can be seen. */
#include "doctor.h"

#include "config/config.h"
#include "control_client.h"
#include "map_view.h"
#include "prober.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void doctor_look_configuration(struct doctor *d)
{
	char path[CONFIG_PATH_MAX] = "";
	struct config_error error = {.text = ""};
	struct config *config;

	if (config_find(NULL, path) < 0) {
		doctor_tell(d, FINDING_WELL, NULL, "configuration: none, everything is default");
		return;
	}
	if (config_load(path, &config, &error) < 0) {
		doctor_tell(d, FINDING_FAILURE, "mend that line, then: pelorus prober reload",
			"configuration: %s", error.text);
		return;
	}
	doctor_tell(d, FINDING_WELL, NULL, "configuration: %s, %u clusters", path,
		config->n_clusters);
	config_free(config);
}

static void tell_untrusted(struct doctor *d, const char *path)
{
	struct stat st = {0};
	char remedy[DOCTOR_TEXT];

	(void)lstat(path, &st);
	(void)snprintf(remedy, sizeof(remedy),
		"remove %s, or give it to user %u with mode 0700, or name another by "
		"PELORUS_RUNTIME_DIR",
		path, geteuid());
	doctor_tell(d, FINDING_FAILURE, remedy,
		"runtime directory: %s has owner %u and mode %04o, which is not trusted: only your "
		"own or root's, and written by nobody else",
		path, st.st_uid, st.st_mode & 07777);
}

static bool look_map(struct doctor *d, const char *path)
{
	struct map_view view;
	int r = map_view_open(&view);
	char remedy[DOCTOR_TEXT];

	if (r == 0)
		map_view_close(&view);
	if (r != -EPROTO)
		return true;
	(void)snprintf(remedy, sizeof(remedy),
		"command, library and prober must be of one release: `pelorus prober stop` the old "
		"prober, "
		"remove %s/" PEL_MAP_FILE ", and start the programs again",
		path);
	doctor_tell(d, FINDING_FAILURE, remedy,
		"map: %s/" PEL_MAP_FILE " is one of another version", path);
	return false;
}

bool doctor_look_directory(struct doctor *d)
{
	struct pel_rundir dir;
	int fd, r = control_client_directory(&dir);

	if (r < 0) {
		doctor_tell(d, FINDING_FAILURE, "choose a shorter path", "PELORUS_RUNTIME_DIR: %s",
			strerror(-r));
		return false;
	}
	fd = pel_rundir_open(&dir, geteuid(), false);
	if (fd == -ENOENT) {
		doctor_tell(d, FINDING_WELL, NULL, "runtime directory: %s, made with the prober",
			dir.path);
		return true;
	}
	if (fd == -EPERM || fd == -ELOOP || fd == -ENOTDIR || fd == -EACCES) {
		tell_untrusted(d, dir.path);
		return false;
	}
	if (fd < 0) {
		doctor_tell(d, FINDING_FAILURE, "name another by PELORUS_RUNTIME_DIR",
			"runtime directory: %s: %s", dir.path, strerror(-fd));
		return false;
	}
	(void)close(fd);
	doctor_tell(d, FINDING_WELL, NULL, "runtime directory: %s", dir.path);
	return look_map(d, dir.path);
}

static void tell_no_prober(struct doctor *d, int error)
{
	switch (error) {
	case -ECANCELED:
		doctor_tell(d, FINDING_FAILURE,
			"unset PELORUS_PROBER, or start pelorusd as a service or sidecar in the "
			"same runtime directory",
			"prober: none is at work, and PELORUS_PROBER=off forbids to start one");
		break;
	case -ENOENT:
		doctor_tell(d, FINDING_FAILURE,
			"install pelorusd, or set PELORUS_PROBER to its path",
			"prober: none is at work, and there is no pelorusd to start");
		break;
	case -EPROTO:
		doctor_tell(d, FINDING_FAILURE,
			"its own line above says why; `pelorusd --foreground --verbose` tells more",
			"prober: pelorusd was started and gave up");
		break;
	default:
		doctor_tell(d, FINDING_FAILURE, "see whether this user may start processes there",
			"prober: none can be started: %s", strerror(-error));
	}
}

/*
 * A prober that is at work is told the names; with PELORUS_PROBER=off that must go by its socket
 * alone, which prober_ensure() tries first.
 */
bool doctor_look_prober(struct doctor *d)
{
	int r;

	fflush(stdout);
	r = prober_ensure(d->names);
	if (r < 0)
		tell_no_prober(d, r);
	else
		doctor_tell(d, FINDING_WELL, NULL, "prober: at work");
	return r == 0;
}
