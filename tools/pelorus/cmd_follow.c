/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus follow: names a cluster to the prober.
 *
 * A password is taken from a file or from standard input, never from the command line, where every
 * user of the machine could read it.
 */
#include "commands.h"

#include "control_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: pelorus follow [OPTION...] NAME[:PORT]\n"
	"Has the prober follow a cluster.\n"
	"\n"
	"  --user USER            logs in as USER\n"
	"  --password-file FILE   with the password on the first line of FILE; - is standard input\n"
	"  --ssl                  never without TLS\n"
	"  --ssl-ca FILE          never without TLS, trusting the authorities in FILE\n"
	"  --ssl-verify           never to a server whose certificate is not its own\n"
	"  --permanent            also while no program uses the name\n";

static int password_put(char request[static PEL_CONTROL_MAX], const char *path)
{
	char line[2050];
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int r;

	if (!file)
		return -errno;
	r = fgets(line, sizeof(line), file) ? 0 : -EIO;
	if (file != stdin)
		fclose(file);
	if (r < 0)
		return r;
	line[strcspn(line, "\r\n")] = '\0';
	r = pel_control_put(request, PEL_CONTROL_MAX, "password", line);
	explicit_bzero(line, sizeof(line));
	return r;
}

static int name_put(char request[static PEL_CONTROL_MAX], char *name)
{
	char *colon = strrchr(name, ':');
	int r;

	if (colon)
		*colon++ = '\0';
	r = pel_control_put(request, PEL_CONTROL_MAX, "name", name);
	return r == 0 && colon ? pel_control_put(request, PEL_CONTROL_MAX, "port", colon) : r;
}

/* 0, 1 for --help, -EINVAL for what is told in the usage, -errno. */
static int options_take(int argc, char **argv, char request[static PEL_CONTROL_MAX])
{
	static const struct option options[] = {
		{"user", required_argument, NULL, 'u'},
		{"password-file", required_argument, NULL, 'p'},
		{"ssl", no_argument, NULL, 's'},
		{"ssl-ca", required_argument, NULL, 'c'},
		{"ssl-verify", no_argument, NULL, 'v'},
		{"permanent", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'u':
			r = pel_control_put(request, PEL_CONTROL_MAX, "user", optarg);
			break;
		case 'p':
			r = password_put(request, optarg);
			break;
		case 's':
			r = pel_control_put(request, PEL_CONTROL_MAX, "ssl", "1");
			break;
		case 'c':
			r = pel_control_put(request, PEL_CONTROL_MAX, "ssl-ca", optarg);
			break;
		case 'v':
			r = pel_control_put(request, PEL_CONTROL_MAX, "ssl-verify", "1");
			break;
		case 'k':
			r = pel_control_put(request, PEL_CONTROL_MAX, "permanent", "1");
			break;
		case 'h':
			return 1;
		default:
			r = -EINVAL;
		}
	}
	if (r == 0 && optind != argc - 1)
		r = -EINVAL;
	return r < 0 ? r : name_put(request, argv[optind]);
}

int cmd_follow(int argc, char **argv)
{
	char request[PEL_CONTROL_MAX] = "follow\n", *body = NULL;
	int r = options_take(argc, argv, request), status;

	if (r == 1 || r == -EINVAL) {
		fputs(help, r == 1 ? stdout : stderr);
		return r == 1 ? STATUS_OK : STATUS_USAGE;
	}
	if (r < 0)
		return command_fail(argv[0], STATUS_USAGE, "%s", strerror(-r));
	status = control_client_run(argv[0], request, &body);
	explicit_bzero(request, sizeof(request));
	if (status == STATUS_OK && strcmp(body, "credential=refused\n") == 0)
		status = command_fail(argv[0], STATUS_CREDENTIALS,
			"followed, but this prober takes credentials from its configuration only");
	free(body);
	return status;
}
