/* SPDX-License-Identifier: Apache-2.0 */
/* The providers of AWS credentials that ask nobody. */
#include "aws_local.h"

#include "read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX 65536
#define FILE_AGE_S 600 /* a profile has no end; it is read again before this */

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool copy(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n >= size)
		return false;
	memcpy(field, text, n + 1);
	return true;
}

int aws_local_environment(struct aws_creds *creds)
{
	const char *id = variable("AWS_ACCESS_KEY_ID"), *secret = variable("AWS_SECRET_ACCESS_KEY");
	const char *token = variable("AWS_SESSION_TOKEN");

	if (!id || !secret)
		return -ENOENT;
	*creds = (struct aws_creds){0};
	if (!copy(creds->id, sizeof(creds->id), id) ||
		!copy(creds->secret, sizeof(creds->secret), secret) ||
		!copy(creds->token, sizeof(creds->token), token ? token : ""))
		return -EINVAL;
	return 0;
}

int aws_local_file(const char *wanted, struct aws_creds *creds)
{
	const char *path = variable("AWS_SHARED_CREDENTIALS_FILE"), *home = variable("HOME");
	const char *profile = wanted[0] ? wanted : variable("AWS_PROFILE");
	char usual[4096], *text;
	size_t n;
	int r;

	snprintf(usual, sizeof(usual), "%s/.aws/credentials", home ? home : "");
	if (read_file(path ? path : usual, FILE_MAX, READ_FILE_ANY, &text, &n) < 0)
		return path ? -EINVAL : -ENOENT;
	r = aws_creds_parse_file(text, n, profile ? profile : "default", creds);
	explicit_bzero(text, n);
	free(text);
	if (r < 0)
		return r == -ENOENT && !profile ? -ENOENT : -EINVAL;
	creds->expires_s = time(NULL) + FILE_AGE_S;
	return 0;
}
