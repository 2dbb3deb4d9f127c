/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus prober refresh, reload, stop; disable, enable; unfollow: one word to the prober. */
#include "commands.h"

#include "control_client.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_refresh(int argc, char **argv)
{
	static const char help[] =
		"usage: pelorus prober refresh [NAME]\n"
		"Has the prober ask every instance now, of the cluster that NAME leads to or of all.\n";
	int status = command_parse(argc, argv, NULL, 0, 1, help);

	return status >= 0 ? status : control_client_name(argv[0], argv[optind], NULL);
}

static const char switch_help[] =
	"usage: pelorus disable [NAME]\n"
	"       pelorus enable [NAME]\n"
	"Has new connections by NAME, and by the other names of its cluster, go where DNS leads, as\n"
	"without Pelorus; or no longer.  Without NAME: by every name.  It holds at once, for programs\n"
	"that run and for those to come, ends no connection, and outlives the prober, until the machine\n"
	"is started anew: `mode = off` in the configuration is for good.\n";

/* It has happened; what is told is what may not have been expected. */
static void switch_print(char **argv, const char *body)
{
	const char *unkept = strstr(body, "unkept="), *mode = strstr(body, "mode=");

	if (unkept)
		fprintf(stderr,
			"pelorus %s: done, but a daemon that is started anew may not know: %.*s\n",
			argv[0], (int)strcspn(unkept + 7, "\n"), unkept + 7);
	if (strstr(body, "followed=0"))
		fprintf(stderr, "pelorus %s: nobody follows %s now\n", argv[0], argv[optind]);
	if (mode && strcmp(mode, "mode=active\n") != 0)
		fprintf(stderr, "pelorus %s: the configuration says otherwise: %s", argv[0], mode);
}

int cmd_switch(int argc, char **argv)
{
	char *body = NULL;
	int status = command_parse(argc, argv, NULL, 0, 1, switch_help);

	if (status >= 0)
		return status;
	status = control_client_name(argv[0], argv[optind], &body);
	if (status == STATUS_OK)
		switch_print(argv, body);
	free(body);
	return status;
}

int cmd_reload(int argc, char **argv)
{
	static const char help[] = "usage: pelorus prober reload\n"
				   "Has the prober read its configuration again; a broken one is "
				   "refused, and the old one stays.\n";
	int status = command_parse(argc, argv, NULL, 0, 0, help);

	return status >= 0 ? status : control_client_name(argv[0], NULL, NULL);
}

int cmd_stop(int argc, char **argv)
{
	static const char help[] =
		"usage: pelorus prober stop\n"
		"Ends the prober; programs go on as without Pelorus until one is started again.\n";
	int status = command_parse(argc, argv, NULL, 0, 0, help);

	return status >= 0 ? status : control_client_name(argv[0], NULL, NULL);
}

int cmd_unfollow(int argc, char **argv)
{
	static const char help[] =
		"usage: pelorus unfollow NAME\n"
		"Has the prober forget NAME, and the credentials that it was told for it; a program that\n"
		"uses it has it followed again.  What the configuration names is not forgotten.\n";
	int status = command_parse(argc, argv, NULL, 1, 1, help);

	return status >= 0 ? status : control_client_name(argv[0], argv[optind], NULL);
}
