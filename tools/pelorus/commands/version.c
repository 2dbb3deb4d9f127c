/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus version: of the command, of what belongs to it, of the libraries that it runs with. */
#include "commands.h"

#include "preload.h"
#include "prober.h"

#include <pelorus/map.h>

#include <json-c/json.h>
#include <libsmartcols.h>
#include <mysql.h>
#include <stdio.h>

static const char help[] =
	"usage: pelorus version\n"
	"Prints the version, where library and prober are, and the versions of the libraries in use.\n";

int cmd_version(int argc, char **argv)
{
	int status = command_parse(argc, argv, NULL, 0, 0, help);
	char library[PATH_MAX], prober[PATH_MAX];
	const char *smartcols;

	if (status >= 0)
		return status;
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
