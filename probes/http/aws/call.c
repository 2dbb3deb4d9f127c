/* SPDX-License-Identifier: Apache-2.0 */
/* A signed request to an AWS service. */
#include "call.h"

#include "base/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS 15000

struct headers {
	char date[32];
	char authorization[1024];
	char token[4200];
	char type[128];
	char target[128];
};

static int address(const struct aws_service *service, char *ret, size_t size, struct url *ret_url)
{
	const char *moved = getenv(service->variable);
	bool china = strncmp(service->region, "cn-", 3) == 0;
	int n;

	if (moved && *moved)
		n = snprintf(ret, size, "%s", moved);
	else
		n = snprintf(ret, size, "https://%s.%s.amazonaws.com%s/", service->name,
			service->region, china ? ".cn" : "");
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return url_parse(ret, ret_url);
}

static int sign(const struct aws_service *service, const struct url *url, const struct aws_key *key,
	const char *body, struct headers *ret)
{
	struct aws_pair pairs[] = {{"Content-Type", service->content_type},
		{"X-Amz-Target", service->target}};
	const struct aws_request request = {.method = "POST",
		.host = url->authority,
		.path = url->path,
		.headers = pairs,
		.n_headers = service->target ? 2 : 1,
		.body = body,
		.body_size = strlen(body),
		.region = service->region,
		.service = service->name};
	char date[AWS_DATE_SIZE], value[960];
	int r = aws_sign(&request, key, time(NULL), date, value, sizeof(value));

	if (r < 0)
		return r;
	snprintf(ret->date, sizeof(ret->date), "X-Amz-Date: %s", date);
	snprintf(ret->authorization, sizeof(ret->authorization), "Authorization: %s", value);
	snprintf(ret->token, sizeof(ret->token), "X-Amz-Security-Token: %s",
		key->token ? key->token : "");
	snprintf(ret->type, sizeof(ret->type), "Content-Type: %s", service->content_type);
	snprintf(ret->target, sizeof(ret->target), "X-Amz-Target: %s",
		service->target ? service->target : "");
	return 0;
}

int aws_call(struct http *http, const struct aws_chain *chain, const struct aws_service *service,
	const char *body, void (*done)(void *ctx, const struct http_answer *answer), void *ctx,
	struct http_call **ret)
{
	struct http_request request = {.body = body,
		.body_size = strlen(body),
		.timeout_ms = ANSWER_MS};
	struct headers headers;
	struct aws_key key;
	char text[URL_MAX];
	struct url url;
	unsigned n = 3;
	int r;

	if (!aws_chain_key(chain, &key))
		return -EAGAIN;
	r = address(service, text, sizeof(text), &url);
	if (r == 0)
		r = sign(service, &url, &key, body, &headers);
	if (r < 0)
		return r;
	request.url = text;
	request.headers[0] = headers.date;
	request.headers[1] = headers.authorization;
	request.headers[2] = headers.type;
	if (service->target)
		request.headers[n++] = headers.target;
	if (key.token)
		request.headers[n++] = headers.token;
	r = http_start(http, &request, done, ctx, ret);
	explicit_bzero(&headers, sizeof(headers));
	return r;
}

bool aws_call_is_refused(const struct http_answer *answer)
{
	static const char *const codes[] = {"ExpiredToken", "InvalidClientTokenId",
		"UnrecognizedClientException", "InvalidSignatureException",
		"SignatureDoesNotMatch"};

	if (answer->error || (answer->status != 400 && answer->status != 403))
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (memmem(answer->body, answer->size, codes[i], strlen(codes[i])))
			return true;
	}
	return false;
}
