/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus refresh */
#include "commands.h"

#include "control_client.h"

#include <stddef.h>

static const char help[] =
	"usage: pelorus refresh [NAME]\n"
	"Has the prober ask every instance now, of the cluster that NAME leads to or of all.\n";

int cmd_refresh(int argc, char **argv)
{
	char request[PEL_CONTROL_MAX] = "refresh\n";
	int status = command_words(argc, argv, 1, help);

	if (status >= 0)
		return status;
	if (argc == 2 && pel_control_put(request, PEL_CONTROL_MAX, "name", argv[1]) < 0)
		return command_fail(argv[0], STATUS_USAGE, "the name is too long");
	return control_client_run(argv[0], request, NULL);
}
