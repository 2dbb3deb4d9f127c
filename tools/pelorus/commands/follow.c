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

struct wish {
	const char *user, *password_file, *ca;
	bool tls, verify, permanent;
};

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

static int request_make(const struct wish *w, char *name, char request[static PEL_CONTROL_MAX])
{
	const char *const pairs[][2] = {{"user", w->user}, {"ssl", w->tls ? "1" : NULL},
		{"ssl-ca", w->ca}, {"ssl-verify", w->verify ? "1" : NULL},
		{"permanent", w->permanent ? "1" : NULL}};
	int r = w->password_file ? password_put(request, w->password_file) : 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && r == 0; i++) {
		if (pairs[i][1])
			r = pel_control_put(request, PEL_CONTROL_MAX, pairs[i][0], pairs[i][1]);
	}
	return r < 0 ? r : name_put(request, name);
}

int cmd_follow(int argc, char **argv)
{
	struct wish w = {0};
	const struct command_option options[] = {{"user", .word = &w.user},
		{"password-file", .word = &w.password_file}, {"ssl", .flag = &w.tls},
		{"ssl-ca", .word = &w.ca}, {"ssl-verify", .flag = &w.verify},
		{"permanent", .flag = &w.permanent}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help), r;
	char request[PEL_CONTROL_MAX] = "follow\n", *body = NULL;

	if (status >= 0)
		return status;
	r = request_make(&w, argv[optind], request);
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
