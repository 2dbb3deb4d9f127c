/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers of AWS credentials, in the order of the AWS SDKs.
 *
 * Files with tokens are read anew each time, for kubelet and others replace them.  Container
 * credentials come from the addresses that ECS and EKS fix, or from this host; url.h sees to that.
 */
#include "providers.h"

#include "local.h"
#include "role.h"
#include "base/read_file.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ECS_ADDRESS "http://169.254.170.2"
#define IMDS_ADDRESS "http://169.254.169.254"
#define TOKEN_FILE_MAX 16384

static enum aws_turn turn_of(int r)
{
	return r == 0 ? AWS_TURN_HAVE : r == -ENOENT ? AWS_TURN_ABSENT : AWS_TURN_FAILED;
}

static enum aws_turn environment_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	return turn_of(aws_local_environment(creds));
}

/* Its key, or that of the role or of the program that it names. */
static enum aws_turn profile_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	struct aws_profile profile;
	enum aws_turn turn = turn_of(aws_local_profile(visit->profile, &profile));

	if (turn == AWS_TURN_HAVE && profile.role[0]) {
		turn = aws_role_begin(visit->region, &profile, question);
	} else if (turn == AWS_TURN_HAVE && profile.creds.id[0]) {
		*creds = profile.creds;
	} else if (turn == AWS_TURN_HAVE) {
		strcpy(question->body, profile.process);
		turn = visit->step = AWS_TURN_RUN;
	}
	explicit_bzero(&profile, sizeof(profile));
	return turn;
}

static enum aws_turn sts_read(struct aws_visit *visit, const char *body, size_t n,
	struct aws_question *question, struct aws_creds *creds)
{
	return aws_creds_parse_sts(body, n, creds) == 0 ? AWS_TURN_HAVE : AWS_TURN_FAILED;
}

static enum aws_turn json_read_creds(struct aws_visit *visit, const char *body, size_t n,
	struct aws_question *question, struct aws_creds *creds)
{
	return aws_creds_parse_json(body, n, creds) == 0 ? AWS_TURN_HAVE : AWS_TURN_FAILED;
}

static enum aws_turn profile_read(struct aws_visit *visit, const char *body, size_t n,
	struct aws_question *question, struct aws_creds *creds)
{
	return visit->step == AWS_TURN_RUN ? json_read_creds(visit, body, n, question, creds)
					   : sts_read(visit, body, n, question, creds);
}

static enum aws_turn identity_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	const char *path = aws_local_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = aws_local_variable("AWS_ROLE_ARN");
	const char *name = aws_local_variable("AWS_ROLE_SESSION_NAME");
	struct aws_profile profile = {.role = ""};

	if (!path || !role)
		return AWS_TURN_ABSENT;
	if (!text_copy(profile.token_file, sizeof(profile.token_file), path) ||
		!text_copy(profile.role, sizeof(profile.role), role) ||
		!text_copy_any(profile.session, sizeof(profile.session), name))
		return AWS_TURN_FAILED;
	return aws_role_by_token(visit->region, &profile, question);
}

/* The token that a container shows: from a file, which is replaced now and then, or as it is. */
static bool add_authorization(struct aws_question *question)
{
	const char *path = aws_local_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *plain = aws_local_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct file file = {0};
	int n = 0;

	if (path && file_read(path, TOKEN_FILE_MAX, FILE_ANY, &file) < 0)
		return false;
	while (file.n > 0 && strchr(" \t\r\n", file.text[file.n - 1]))
		file.text[--file.n] = '\0';
	if (path || plain)
		n = snprintf(question->headers[0], sizeof(question->headers[0]),
			"Authorization: %s", path ? file.text : plain);
	file_free(&file);
	question->n_headers = n > 0;
	return n < (int)sizeof(question->headers[0]);
}

static enum aws_turn ecs_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	const char *path = aws_local_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	int n;

	if (!path)
		return AWS_TURN_ABSENT;
	*question = (struct aws_question){.method = "GET"};
	n = snprintf(question->url, sizeof(question->url), ECS_ADDRESS "%s", path);
	if (n >= (int)sizeof(question->url) || *path != '/' || !add_authorization(question))
		return AWS_TURN_FAILED;
	return AWS_TURN_ASK;
}

static enum aws_turn eks_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	const char *url = aws_local_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");

	if (!url)
		return AWS_TURN_ABSENT;
	*question = (struct aws_question){.method = "GET"};
	if (!text_copy(question->url, sizeof(question->url), url) || !add_authorization(question))
		return AWS_TURN_FAILED;
	return AWS_TURN_ASK;
}

/* Asks IMDS for a path with the session's token. */
static enum aws_turn imds_ask(struct aws_visit *visit, struct aws_question *question)
{
	const char *base = aws_local_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	int n;

	*question = (struct aws_question){.method = "GET", .n_headers = 1};
	n = snprintf(question->url, sizeof(question->url),
		"%s/latest/meta-data/iam/security-credentials/%s", base ? base : IMDS_ADDRESS,
		visit->role);
	snprintf(question->headers[0], sizeof(question->headers[0]), "X-aws-ec2-metadata-token: %s",
		visit->token);
	return n < (int)sizeof(question->url) ? AWS_TURN_ASK : AWS_TURN_FAILED;
}

static enum aws_turn imds_begin(struct aws_visit *visit, struct aws_question *question,
	struct aws_creds *creds)
{
	const char *base = aws_local_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *off = aws_local_variable("AWS_EC2_METADATA_DISABLED");

	if (off && strcasecmp(off, "true") == 0)
		return AWS_TURN_ABSENT;
	*question = (struct aws_question){.method = "PUT",
		.n_headers = 1,
		.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 21600"}};
	snprintf(question->url, sizeof(question->url), "%s/latest/api/token",
		base ? base : IMDS_ADDRESS);
	visit->role[0] = '\0';
	visit->step = 0;
	return AWS_TURN_ASK;
}

/* First the token, then the role's name, then its credentials. */
static enum aws_turn imds_read(struct aws_visit *visit, const char *body, size_t n,
	struct aws_question *question, struct aws_creds *creds)
{
	char *field = visit->step == 0 ? visit->token : visit->role;
	size_t size = visit->step == 0 ? sizeof(visit->token) : sizeof(visit->role);
	size_t length = strcspn(body, "\r\n");

	if (visit->step == 2)
		return json_read_creds(visit, body, n, question, creds);
	if (length == 0 || length >= size || memchr(body, '\0', n))
		return AWS_TURN_FAILED;
	memcpy(field, body, length);
	field[length] = '\0';
	visit->step++;
	return imds_ask(visit, question);
}

const struct aws_provider aws_providers[] = {
	{"environment", environment_begin, NULL, 0},
	{"profile", profile_begin, profile_read, 10000},
	{"web identity", identity_begin, sts_read, 10000},
	{"ECS", ecs_begin, json_read_creds, 5000},
	{"EKS pod identity", eks_begin, json_read_creds, 5000},
	{"instance metadata", imds_begin, imds_read, 2000},
};
const unsigned aws_n_providers = sizeof(aws_providers) / sizeof(*aws_providers);
