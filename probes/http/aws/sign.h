/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4: the Authorization header of a request, and presigned URLs.
 * Pure: the caller says what time it is.  Nothing is allocated, secrets are wiped.
 */
#ifndef AWS_SIGN_H
#define AWS_SIGN_H

#include <stddef.h>
#include <time.h>

#define AWS_SIGN_PAIRS 16 /* headers, or query parameters, with those that signing adds */
#define AWS_DATE_SIZE 17  /* 20260102T030405Z */
#define AWS_TOKEN_MAX 8192
#define AWS_HEADER_MAX 4200

struct aws_key {
	const char *id;
	const char *secret;
	const char *token; /* of temporary credentials; NULL: none */
};

struct aws_pair {
	const char *name;
	const char *value;
};

/* A request before it is signed; nothing in it is percent-encoded. */
struct aws_request {
	const char *method;
	const char *host; /* with its port if that is not the scheme's own */
	const char *path;
	const struct aws_pair *query;
	size_t n_query;
	const struct aws_pair *headers; /* others than Host, X-Amz-Date, X-Amz-Security-Token */
	size_t n_headers;
	const void *body;
	size_t body_size;
	const char *region;
	const char *service;
};

/*
 * The values of two headers to send: X-Amz-Date and Authorization.  If the key has a token, it is
 * signed as X-Amz-Security-Token and has to be sent too.
 * 0, -EINVAL (time or too many pairs), -ENOBUFS.
 */
int aws_sign(const struct aws_request *request, const struct aws_key *key, time_t now,
	char ret_date[static AWS_DATE_SIZE], char *ret_authorization, size_t size);

/*
 * The header lines that sign a POST of `request->body` to a URL, in which host, path and method need
 * not be told: X-Amz-Date, Authorization and, if the key has a token, X-Amz-Security-Token.  How many
 * they are; errors as above, or of url_parse().
 */
int aws_sign_post(const char *url, const struct aws_request *request, const struct aws_key *key,
	time_t now, char ret[static 3][AWS_HEADER_MAX]);

/* "host/path?query&X-Amz-Signature=...", without a scheme.  Errors as above. */
int aws_presign(const struct aws_request *request, const struct aws_key *key, time_t now,
	unsigned expires_s, char *ret, size_t size);

/*
 * A password of 15 minutes for `user` at an RDS instance, for the clear-text plugin under TLS.
 * `host` is the real endpoint's name, never an alias.  0, -EINVAL, -ENOBUFS.
 */
int aws_rds_token(const struct aws_key *key, const char *region, const char *host, unsigned port,
	const char *user, time_t now, char *ret, size_t size);

/* The region that an endpoint's name tells ("us-east-1"); -ENOENT if it tells none. */
int aws_region_of_host(const char *host, char *ret, size_t size);

/* Where a region's services are: "amazonaws.com", or what its partition has instead. */
const char *aws_domain_of(const char *region);

#endif
