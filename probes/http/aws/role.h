/* SPDX-License-Identifier: Apache-2.0 */
/* Roles: what STS is asked for their credentials.  No I/O but files and environment. */
#ifndef AWS_ROLE_H
#define AWS_ROLE_H

#include "profile.h"
#include "providers.h"

/* With the token of a web identity.  AWS_TURN_ASK or AWS_TURN_FAILED. */
enum aws_turn aws_role_by_token(const char *region, const struct aws_profile *role,
	struct aws_question *ret);

/* The same, or with the key of its source profile, whichever the profile names. */
enum aws_turn aws_role_begin(const char *region, const struct aws_profile *role,
	struct aws_question *ret);

#endif
