/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus prober refresh, reload, stop: one word to the prober. */
#include "commands.h"

#include "control_client.h"

#include <getopt.h>

int cmd_refresh(int argc, char **argv)
{
	static const char help[] =
		"usage: pelorus prober refresh [NAME]\n"
		"Has the prober ask every instance now, of the cluster that NAME leads to or of all.\n";
	char request[PEL_CONTROL_MAX] = "refresh\n";
	int status = command_parse(argc, argv, NULL, 0, 1, help);

	if (status >= 0)
		return status;
	if (argv[optind] && pel_control_put(request, PEL_CONTROL_MAX, "name", argv[optind]) < 0)
		return command_fail(argv[0], STATUS_USAGE, "the name is too long");
	return control_client_run(argv[0], request, NULL);
}

int cmd_reload(int argc, char **argv)
{
	static const char help[] = "usage: pelorus prober reload\n"
				   "Has the prober read its configuration again; a broken one is "
				   "refused, and the old one stays.\n";
	int status = command_parse(argc, argv, NULL, 0, 0, help);

	return status >= 0 ? status : control_client_run(argv[0], "reload\n", NULL);
}

int cmd_stop(int argc, char **argv)
{
	static const char help[] =
		"usage: pelorus prober stop\n"
		"Ends the prober; programs go on as without Pelorus until one is started again.\n";
	int status = command_parse(argc, argv, NULL, 0, 0, help);

	return status >= 0 ? status : control_client_run(argv[0], "stop\n", NULL);
}
