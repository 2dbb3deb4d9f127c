/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus reload */
#include "commands.h"

#include "control_client.h"

#include <stddef.h>

static const char help[] =
	"usage: pelorus reload\n"
	"Has the prober read its configuration again; a broken one is refused, and the old one stays.\n";

int cmd_reload(int argc, char **argv)
{
	int status = command_words(argc, argv, 0, help);

	return status >= 0 ? status : control_client_run(argv[0], "reload\n", NULL);
}
