/* SPDX-License-Identifier: Apache-2.0 */
/* The providers of AWS credentials that ask nobody: environment and the AWS files. */
#ifndef AWS_LOCAL_H
#define AWS_LOCAL_H

#include "profile.h"

/* The variable's value; NULL if it has none, or an empty one. */
const char *aws_local_variable(const char *name);

/* 0; -ENOENT: it has none; -EINVAL: what it has is of no use. */
int aws_local_environment(struct aws_creds *ret);

/*
 * A profile of ~/.aws/config and ~/.aws/credentials (the latter counts where both say something);
 * `profile` "": $AWS_PROFILE, else "default".  0, with a key, a role or a process; else as above, and what was
 * said of the rest (a region) is in *ret.  Whose *ret is wipes it.
 */
int aws_local_profile(const char *profile, struct aws_profile *ret);

/* Its key alone; -ENOTSUP: it is a role's or a process's, which has to be asked for. */
int aws_local_file(const char *profile, struct aws_creds *ret);

/* Its region; 0 or -ENOENT. */
int aws_local_region(const char *profile, char *ret, size_t size);

#endif
