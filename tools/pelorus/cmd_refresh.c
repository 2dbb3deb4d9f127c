/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus refresh */
#include "commands.h"

#include "control_client.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: pelorus refresh [NAME]\n"
	"Has the prober ask every instance now, of the cluster that NAME leads to or of all.\n";

int cmd_refresh(int argc, char **argv)
{
	char request[PEL_CONTROL_MAX] = "refresh\n";

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	if (argc == 2 && pel_control_put(request, PEL_CONTROL_MAX, "name", argv[1]) < 0)
		return command_fail(argv[0], STATUS_USAGE, "the name is too long");
	return control_client_run(argv[0], request, NULL);
}
