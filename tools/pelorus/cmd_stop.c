/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus stop */
#include "commands.h"

#include "control_client.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: pelorus stop\n"
	"Ends the prober; programs go on as without Pelorus until one is started again.\n";

int cmd_stop(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc > 1) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	return control_client_run(argv[0], "stop\n", NULL);
}
