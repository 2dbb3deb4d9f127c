/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus auth-token: a password of 15 minutes for a database user with IAM authentication.
 *
 * Signed here with what the environment or a profile holds; else by the prober, which knows the
 * credentials of the container or the machine.
 */
#include "commands.h"

#include "http/aws/local.h"
#include "http/aws/sign.h"
#include "control_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "usage: pelorus auth-token --user USER [OPTION...] HOST[:PORT]\n"
			   "Prints an RDS password of 15 minutes; to be used with TLS.\n"
			   "\n"
			   "  --user USER        the database user\n"
			   "  --region REGION    where the database is, if its name does not tell\n"
			   "  --profile PROFILE  of the AWS files\n";

struct wish {
	const char *user, *region, *profile;
	char *host;
	unsigned port;
};

static bool host_take(char *word, struct wish *ret)
{
	char *colon = strrchr(word, ':');

	ret->host = word;
	ret->port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 3306;
	if (colon)
		*colon = '\0';
	return ret->port > 0 && ret->port <= 65535;
}

/*
 * 0; -ENOENT: nothing here has credentials; -ENOTSUP: a role has, which the prober asks for; -EINVAL:
 * something has, but they are of no use.
 */
static int creds_find(const struct wish *wish, struct aws_creds *ret)
{
	int r = *wish->profile ? -ENOENT : aws_local_environment(ret);

	return r == -ENOENT ? aws_local_file(wish->profile, ret) : r;
}

static int sign(const char *command, const struct wish *wish, const struct aws_creds *creds)
{
	const struct aws_key key = {.id = creds->id,
		.secret = creds->secret,
		.token = creds->token[0] ? creds->token : NULL};
	const char *region = wish->region;
	char found[32], token[AWS_TOKEN_MAX];
	int r;

	if (!region && aws_region_of_host(wish->host, found, sizeof(found)) == 0)
		region = found;
	if (!region)
		region = getenv("AWS_REGION");
	if ((!region || !*region) && aws_local_region(wish->profile, found, sizeof(found)) == 0)
		region = found;
	if (!region || !*region)
		return command_fail(command, STATUS_USAGE, "the name tells no region: --region");
	r = aws_rds_token(&key, region, wish->host, wish->port, wish->user, time(NULL), token,
		sizeof(token));
	if (r < 0)
		return command_fail(command, STATUS_FAILED, "%s", strerror(-r));
	puts(token);
	return STATUS_OK;
}

static int ask_prober(const char *command, const struct wish *wish)
{
	char request[PEL_CONTROL_MAX] = "token\n", port[16], *body = NULL;
	int status;

	snprintf(port, sizeof(port), "%u", wish->port);
	if (pel_control_put(request, PEL_CONTROL_MAX, "name", wish->host) < 0 ||
		pel_control_put(request, PEL_CONTROL_MAX, "port", port) < 0 ||
		pel_control_put(request, PEL_CONTROL_MAX, "user", wish->user) < 0)
		return command_fail(command, STATUS_USAGE, "the name is too long");
	status = control_client_run(command, request, &body);
	if (status == STATUS_OK)
		fputs(body, stdout);
	free(body);
	return status;
}

int cmd_auth_token(int argc, char **argv)
{
	struct wish wish = {.profile = ""};
	const struct command_option options[] = {{"user", .word = &wish.user},
		{"region", .word = &wish.region}, {"profile", .word = &wish.profile}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help), r;
	struct aws_creds creds;

	if (status >= 0)
		return status;
	if (!wish.user)
		return command_usage(help);
	if (!host_take(argv[optind], &wish))
		return command_wrong(argv[0], "PORT", wish.host + strlen(wish.host) + 1,
			"1 to 65535");
	r = creds_find(&wish, &creds);
	if (r == -ENOENT || r == -ENOTSUP)
		return ask_prober(argv[0], &wish);
	if (r < 0)
		return command_fail(argv[0], STATUS_CREDENTIALS,
			"the AWS credentials here are of no use");
	status = sign(argv[0], &wish, &creds);
	explicit_bzero(&creds, sizeof(creds));
	return status;
}
