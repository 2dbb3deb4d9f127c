/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of the AWS files, ~/.aws/config and ~/.aws/credentials.  Pure; libc only. */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include "creds_parse.h"

enum aws_file {
	AWS_FILE_CREDENTIALS = 0, /* sections are [NAME] */
	AWS_FILE_CONFIG,          /* sections are [default] and [profile NAME] */
};

/* What is not said is empty. */
struct aws_profile {
	struct aws_creds creds;
	char region[32];
	char role[1024];       /* to be assumed with `source` or `token_file` */
	char source[64];       /* the profile that may assume it */
	char token_file[1024]; /* of a web identity */
	char session[65];
	char external_id[1225];
	char process[2048]; /* a command line that prints a key */
};

/*
 * Adds what a file says of a profile: a key replaces a former one as a whole, other settings one by
 * one.  0; -ENOENT: nothing of that profile; -EPROTO: half a key, or an unfit value; *profile is
 * then as it was.
 */
int aws_profile_parse(const char *text, size_t n, enum aws_file file, const char *name,
	struct aws_profile *profile);

#endif
