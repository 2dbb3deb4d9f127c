/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus stop */
#include "commands.h"

#include "control_client.h"

#include <stddef.h>

static const char help[] =
	"usage: pelorus stop\n"
	"Ends the prober; programs go on as without Pelorus until one is started again.\n";

int cmd_stop(int argc, char **argv)
{
	int status = command_words(argc, argv, 0, help);

	return status >= 0 ? status : control_client_run(argv[0], "stop\n", NULL);
}
