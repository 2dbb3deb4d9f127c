/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which AWS hands out credentials.  Pure; who owns the results wipes them. */
#ifndef AWS_CREDS_PARSE_H
#define AWS_CREDS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aws_creds {
	char id[160];
	char secret[160];
	char token[4096];  /* empty: none */
	int64_t expires_s; /* since 1970; 0: never */
};

/* Of ECS, EKS and IMDS, and of a process, which says SessionToken for Token.  0 or -EPROTO. */
int aws_creds_parse_json(const char *body, size_t n, struct aws_creds *ret);

/* AssumeRoleWithWebIdentityResponse and AssumeRoleResponse.  0 or -EPROTO. */
int aws_creds_parse_sts(const char *body, size_t n, struct aws_creds *ret);

/* GetSecretValueResponse, whose SecretString is JSON with username and password.  0 or -EPROTO. */
int aws_secret_parse(const char *body, size_t n, char *ret_user, size_t user_size,
	char *ret_password, size_t password_size);

/* "2026-01-02T03:04:05Z", with or without fractions, as seconds since 1970.  0 or -EINVAL. */
int aws_parse_time(const char *text, int64_t *ret);

/* Printable and without blanks, as a header line needs it; false if not so, or if too long. */
bool aws_creds_copy(char *field, size_t size, const char *text, size_t n);

/* All or nothing: *ret is touched only by what is good, and *read is wiped.  0 or -EPROTO. */
int aws_creds_hand_over(struct aws_creds *read, bool good, struct aws_creds *ret)
	__attribute__((nonnull));

#endif
