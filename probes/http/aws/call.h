/* SPDX-License-Identifier: Apache-2.0 */
/* A signed request to an AWS service. */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "creds.h"
#include "http/http.h"

struct aws_service {
	const char *name;     /* "rds", "secretsmanager": for the scope and the host */
	const char *variable; /* the environment variable that moves its address */
	const char *region;
	const char *content_type;
	const char *target; /* X-Amz-Target, or NULL */
};

/*
 * POSTs a body, signed with the chain's key.  0; -EAGAIN: there is no key yet; else as
 * http_start().
 */
int aws_call(struct http *http, struct aws_chain *chain, const struct aws_service *service,
	const char *body, void (*done)(void *ctx, const struct http_answer *answer), void *ctx,
	struct http_call **ret);

/* Whether an answer says that the key is refused. */
bool aws_call_is_refused(const struct http_answer *answer);

#endif
