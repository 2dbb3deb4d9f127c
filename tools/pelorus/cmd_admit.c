/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus admit, pelorus hold: whether an instance takes reader connections, by hand. */
#include "commands.h"

#include "control_client.h"
#include "instance_ref.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
	"usage: pelorus admit [--cluster NAME] INSTANCE\n"
	"       pelorus hold [--cluster NAME] INSTANCE\n"
	"Admits a new or held INSTANCE to the readers at once, whatever its lag and however cold; or\n"
	"holds it: no new reader connections until it is admitted by hand.\n";

int cmd_admit(int argc, char **argv)
{
	static const struct option options[] = {
		{"cluster", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char request[PEL_CONTROL_MAX];
	const char *cluster = NULL;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c') {
			cluster = optarg;
			continue;
		}
		fputs(help, option == 'h' ? stdout : stderr);
		return option == 'h' ? STATUS_OK : STATUS_USAGE;
	}
	if (optind != argc - 1) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	status = instance_ref_request(argv[0], argv[0], cluster, argv[optind], request);
	return status == STATUS_OK ? control_client_run(argv[0], request, NULL) : status;
}
