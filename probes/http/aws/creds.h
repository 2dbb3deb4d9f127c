/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS credentials by the usual chain of providers: environment, shared credentials file, web
 * identity, ECS, EKS pod identity, instance metadata (IMDSv2); the first that has any counts.
 *
 * They are fetched when first wanted and renewed before they expire, so that who needs them later
 * has them at once.  Base addresses can be moved by the environment variables that the AWS SDKs
 * know (AWS_ENDPOINT_URL_STS, AWS_EC2_METADATA_SERVICE_ENDPOINT, ...).
 */
#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include "creds_parse.h"
#include "sign.h"
#include "http/http.h"

struct aws_chain;

/*
 * Begins to fetch; `ready` when credentials are there, for the first time or anew.  `region` stays
 * the caller's.  0 or -errno.
 */
int aws_chain_new(const struct http_cluster *of, const char *region, void (*ready)(void *ctx),
	void *ctx, struct aws_chain **ret);
void aws_chain_free(struct aws_chain *c);

/* The key to sign with, valid until the loop runs again; false if there is none (yet). */
bool aws_chain_key(struct aws_chain *c, struct aws_key *ret);

/* A service has refused the key: fetches anew, at most each 10 s. */
void aws_chain_refused(struct aws_chain *c);

#endif
