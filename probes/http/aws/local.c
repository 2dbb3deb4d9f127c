/* SPDX-License-Identifier: Apache-2.0 */
/* The providers of AWS credentials that ask nobody. */
#include "local.h"

#include "base/read_file.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX 65536
#define WRITERS (S_IWGRP | S_IWOTH)
#define FILE_AGE_S 600 /* a profile has no end; it is read again before this */

const char *aws_local_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int aws_local_environment(struct aws_creds *creds)
{
	const char *id = aws_local_variable("AWS_ACCESS_KEY_ID");
	const char *secret = aws_local_variable("AWS_SECRET_ACCESS_KEY");
	const char *token = aws_local_variable("AWS_SESSION_TOKEN");

	if (!id || !secret)
		return -ENOENT;
	*creds = (struct aws_creds){0};
	if (!text_copy(creds->id, sizeof(creds->id), id) ||
		!text_copy(creds->secret, sizeof(creds->secret), secret) ||
		!text_copy_any(creds->token, sizeof(creds->token), token))
		return -EINVAL;
	return 0;
}

/* One of the two files; 0, -ENOENT: not there, or without the profile; -EINVAL: of no use. */
static int read_profile(const char *moved, const char *usual, enum aws_file file, const char *name,
	struct aws_profile *profile)
{
	const char *path = aws_local_variable(moved), *home = aws_local_variable("HOME");
	char at_home[4096];
	struct file text;
	int r;

	snprintf(at_home, sizeof(at_home), "%s/.aws/%s", home ? home : "", usual);
	if (file_read(path ? path : at_home, FILE_MAX, FILE_ANY, &text) < 0)
		return path ? -EINVAL : -ENOENT;
	r = aws_profile_parse(text.text, text.n, file, name, profile);
	if (profile->process[0] && (text.mode & WRITERS || (text.owner && text.owner != geteuid())))
		r = -EPERM; /* who writes there would have us run what he likes */
	file_free(&text);
	return r == 0 || r == -ENOENT ? r : -EINVAL;
}

int aws_local_profile(const char *wanted, struct aws_profile *ret)
{
	const char *named = wanted[0] ? wanted : aws_local_variable("AWS_PROFILE");
	const char *name = named ? named : "default";
	int config, credentials;

	memset(ret, 0, sizeof(*ret));
	config = read_profile("AWS_CONFIG_FILE", "config", AWS_FILE_CONFIG, name, ret);
	credentials = read_profile("AWS_SHARED_CREDENTIALS_FILE", "credentials",
		AWS_FILE_CREDENTIALS, name, ret);
	if (config == -EINVAL || credentials == -EINVAL)
		return -EINVAL;
	if (ret->role[0] || ret->creds.id[0] || ret->process[0]) {
		ret->creds.expires_s = time(NULL) + FILE_AGE_S;
		return 0;
	}
	return named ? -EINVAL : -ENOENT;
}

int aws_local_file(const char *wanted, struct aws_creds *creds)
{
	struct aws_profile profile;
	int r = aws_local_profile(wanted, &profile);

	if (r == 0 && !profile.creds.id[0])
		r = -ENOTSUP;
	if (r == 0)
		*creds = profile.creds;
	explicit_bzero(&profile, sizeof(profile));
	return r;
}

int aws_local_region(const char *wanted, char *ret, size_t size)
{
	struct aws_profile profile;
	int r;

	(void)aws_local_profile(wanted, &profile);
	r = profile.region[0] && strlen(profile.region) < size ? 0 : -ENOENT;
	if (r == 0)
		strcpy(ret, profile.region);
	explicit_bzero(&profile, sizeof(profile));
	return r;
}
