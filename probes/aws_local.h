/* SPDX-License-Identifier: Apache-2.0 */
/* The providers of AWS credentials that ask nobody: environment and shared credentials file. */
#ifndef AWS_LOCAL_H
#define AWS_LOCAL_H

#include "aws_creds_parse.h"

/* 0; -ENOENT: it has none; -EINVAL: what it has is of no use. */
int aws_local_environment(struct aws_creds *ret);
/* `profile` "": $AWS_PROFILE, else "default". */
int aws_local_file(const char *profile, struct aws_creds *ret);

#endif
