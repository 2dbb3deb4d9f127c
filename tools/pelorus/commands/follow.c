/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus follow: names a cluster to the prober.
 *
 * A password is taken from a file, from standard input or from the terminal, never from the command
 * line, where every user of the machine could read it.
 */
#include "commands.h"

#include "control_client.h"
#include "credentials/terminal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char follow_help[] =
	"usage: pelorus follow [OPTION...] NAME[:PORT]\n"
	"Has the prober follow a cluster.\n"
	"\n"
	"  --user USER            logs in as USER\n"
	"  --password-file FILE   with the password on the first line of FILE; - is standard input\n"
	"  --ask                  asks for the user, if none is told, and the password on the terminal\n"
	"  --ssl                  never without TLS\n"
	"  --ssl-ca FILE          never without TLS, trusting the authorities in FILE\n"
	"  --ssl-verify           never to a server whose certificate is not its own\n"
	"  --permanent            also while no program uses the name\n";

#define PASSWORD_MAX 4098
#define USER_MAX 130

struct wish {
	const char *user, *password_file, *ca;
	bool ask, tls, verify, permanent;
};

static int password_put(char request[static PEL_CONTROL_MAX], const struct wish *w)
{
	char line[PASSWORD_MAX];
	FILE *file = NULL;
	int r;

	if (w->ask) {
		r = terminal_ask("Password: ", false, line, sizeof(line));
	} else {
		file = strcmp(w->password_file, "-") == 0 ? stdin : fopen(w->password_file, "re");
		if (!file)
			return -errno;
		errno = ENODATA; /* it is empty */
		r = fgets(line, sizeof(line), file) ? 0 : -errno;
		if (r == 0 && !strchr(line, '\n') && !feof(file))
			r = -ENOSPC;
		line[r < 0 ? 0 : strcspn(line, "\r\n")] = '\0';
	}
	if (file && file != stdin)
		fclose(file);
	if (r == 0)
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
	int r = w->password_file || w->ask ? password_put(request, w) : 0;

	if (r < 0)
		return r;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && r == 0; i++) {
		if (pairs[i][1])
			r = pel_control_put(request, PEL_CONTROL_MAX, pairs[i][0], pairs[i][1]);
	}
	return r < 0 ? r : name_put(request, name);
}

static int fail(const char *command, int r)
{
	return command_fail(command, STATUS_USAGE, "%s",
		r == -ENXIO             ? "there is no terminal to ask on"
			: r == -ENODATA ? "there is no password in that file"
			: r == -ENOSPC  ? "what was given is too long"
					: strerror(-r));
}

static int follow(const char *command, const struct wish *w, char *name)
{
	char request[PEL_CONTROL_MAX] = "follow\n", *body = NULL;
	int status, r = request_make(w, name, request);

	if (r < 0)
		return fail(command, r);
	status = control_client_run(command, request, &body);
	explicit_bzero(request, sizeof(request));
	if (status == STATUS_OK && strcmp(body, "credential=refused\n") == 0)
		status = command_fail(command, STATUS_CREDENTIALS,
			"followed, but this prober takes credentials from its configuration only");
	free(body);
	return status;
}

int cmd_follow(int argc, char **argv)
{
	struct wish w = {0};
	const struct command_option options[] = {{"user", .word = &w.user},
		{"password-file", .word = &w.password_file}, {"ask", .flag = &w.ask},
		{"ssl", .flag = &w.tls}, {"ssl-ca", .word = &w.ca},
		{"ssl-verify", .flag = &w.verify}, {"permanent", .flag = &w.permanent}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, follow_help), r;
	char user[USER_MAX], ca[PATH_MAX];

	if (status >= 0)
		return status;
	if (w.ask && w.password_file)
		return command_fail(argv[0], STATUS_USAGE, "--ask or --password-file, not both");
	if (w.password_file && !w.user)
		return command_fail(argv[0], STATUS_USAGE,
			"--password-file is of no use without --user");
	if (w.ask && !w.user) {
		r = terminal_ask("User: ", true, user, sizeof(user));
		if (r < 0)
			return fail(argv[0], r);
		w.user = user;
	}
	/* The daemon has a directory of its own. */
	if (w.ca && !realpath(w.ca, ca))
		return command_fail(argv[0], STATUS_USAGE, "%s: %s", w.ca, strerror(errno));
	w.ca = w.ca ? ca : NULL;
	return follow(argv[0], &w, argv[optind]);
}
