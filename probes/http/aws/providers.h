/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers of AWS credentials: what each asks, and how its answer is read.  No I/O but files
 * and environment; requests are made by creds.c.
 */
#ifndef AWS_PROVIDERS_H
#define AWS_PROVIDERS_H

#include "creds_parse.h"
#include "sign.h"
#include "http/http.h"

#define AWS_QUESTION_BODY 20480

/* One request to be made; its strings are in the struct. */
struct aws_question {
	char method[8];
	char url[1024];
	char headers[4][AWS_HEADER_MAX];
	unsigned n_headers;
	char body[AWS_QUESTION_BODY];
};

/* Where a provider stands between its requests (IMDS needs three), and of which kind the last was. */
struct aws_visit {
	const char *profile;
	const char *region;
	unsigned step;
	char token[2048]; /* IMDS: of the session */
	char role[256];
};

enum aws_turn {
	AWS_TURN_ABSENT = 0, /* not configured: the next provider's turn */
	AWS_TURN_HAVE,       /* *ret_creds is filled */
	AWS_TURN_RUN,        /* ret_question->body is a command line, its output is for `read` */
	AWS_TURN_ASK,        /* *ret_question is to be made, its answer given to `read` */
	AWS_TURN_FAILED,     /* configured, but of no use */
};

struct aws_provider {
	const char *name;
	enum aws_turn (*begin)(struct aws_visit *visit, struct aws_question *ret_question,
		struct aws_creds *ret_creds);
	/* Takes a good answer's body; may ask again. */
	enum aws_turn (*read)(struct aws_visit *visit, const char *body, size_t n,
		struct aws_question *ret_question, struct aws_creds *ret_creds);
	uint32_t timeout_ms;
};

extern const struct aws_provider aws_providers[];
extern const unsigned aws_n_providers;

#endif
