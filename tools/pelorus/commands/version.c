/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus version: of the command, of what belongs to it, of the libraries that it runs with; and of
 * what runs now, which may be of other releases.
 */
#include "commands.h"

#include "map_view.h"
#include "preload.h"
#include "prober.h"
#include "status_json.h"

#include <pelorus/map.h>

#include <json-c/json.h>
#include <libsmartcols.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: pelorus version [--running]\n"
	"Prints the version, where library and prober are, and the versions of the libraries in use.\n"
	"With --running: the prober's that is at work, and that of each process's library.\n";

static int running_print(const char *command)
{
	struct json_object *object;
	struct slot_seen *slots;
	struct map_view view;
	int status = status_json_ask(command, &object), n;

	if (status != STATUS_OK)
		return status;
	printf("prober %s process %lld\n", status_json_text(object, "version"),
		status_json_number(object, "pid"));
	json_object_put(object);
	n = map_view_open(&view);
	if (n < 0)
		return map_view_fail(command, n);
	n = map_view_slots(&view, 0, &slots);
	map_view_close(&view);
	for (int i = 0; i < n; i++) {
		char version[16];

		slot_version_text(&slots[i], version);
		printf("library %s process %d %s\n", version, slots[i].slot.pid, slots[i].command);
	}
	free(slots);
	return n < 0 ? command_fail(command, STATUS_FAILED, "who is there cannot be read")
		     : STATUS_OK;
}

int cmd_version(int argc, char **argv)
{
	bool running = false;
	const struct command_option options[] = {{.name = "running", .flag = &running}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	char library[PATH_MAX], prober[PATH_MAX];
	const char *smartcols;

	if (status >= 0)
		return status;
	if (running)
		return running_print(argv[0]);
	(void)scols_get_library_version(&smartcols);
	printf("pelorus %s\n", PELORUS_VERSION);
	printf("map format %u\n", PEL_MAP_VERSION);
	printf("library %s\n", preload_find_library(library) == 0 ? library : "not found");
	printf("prober %s\n", prober_find(prober) == 0 ? prober : "not found, or off");
	printf("libmariadb %s\n", mysql_get_client_info());
	printf("json-c %s\n", json_c_version());
	printf("libsmartcols %s\n", smartcols);
	return STATUS_OK;
}
