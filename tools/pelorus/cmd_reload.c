/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus reload */
#include "commands.h"

#include "control_client.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: pelorus reload\n"
	"Has the prober read its configuration again; a broken one is refused, and the old one stays.\n";

int cmd_reload(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc > 1) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	return control_client_run(argv[0], "reload\n", NULL);
}
