/* SPDX-License-Identifier: Apache-2.0 */
/* User and password out of AWS Secrets Manager, read anew when a login was refused (rotation). */
#ifndef AWS_SECRET_H
#define AWS_SECRET_H

#include "creds.h"
#include "config/credential.h"

struct aws_secret;

struct aws_secret_options {
	struct loop *loop;
	struct http *http;
	struct log *log;
	struct aws_chain *chain;             /* stays the caller's */
	const char *cluster;                 /* for the log; copied */
	const char *region;                  /* copied */
	const struct config_cluster *config; /* secret_id and TLS; copied */
	void (*credential)(void *ctx, const struct credential *credential);
	void *ctx;
};

int aws_secret_new(const struct aws_secret_options *options, struct aws_secret **ret);
void aws_secret_free(struct aws_secret *s);

/* The chain has a key, or a new one. */
void aws_secret_key_ready(struct aws_secret *s);

/* A login with it was refused: it is read anew, at most each 10 s. */
void aws_secret_denied(struct aws_secret *s);

#endif
