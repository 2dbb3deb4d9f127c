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

static int address(const struct aws_service *service, char *ret, size_t size)
{
	const char *moved = getenv(service->variable);
	int n;

	if (moved && *moved)
		n = snprintf(ret, size, "%s", moved);
	else
		n = snprintf(ret, size, "https://%s.%s.%s/", service->name, service->region,
			aws_domain_of(service->region));
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int aws_call(struct http *http, struct aws_chain *chain, const struct aws_service *service,
	const char *body, void (*done)(void *ctx, const struct http_answer *answer), void *ctx,
	struct http_call **ret)
{
	const struct aws_pair pairs[] = {{"Content-Type", service->content_type},
		{"X-Amz-Target", service->target}};
	const struct aws_request signed_request = {.headers = pairs,
		.n_headers = service->target ? 2 : 1,
		.body = body,
		.region = service->region,
		.service = service->name};
	char url[URL_MAX], lines[3][AWS_HEADER_MAX], type[128], target[128];
	struct http_request request = {.url = url,
		.headers = {type},
		.body = body,
		.body_size = strlen(body),
		.timeout_ms = ANSWER_MS};
	struct aws_key key;
	unsigned n = 1;
	int r;

	if (!aws_chain_key(chain, &key))
		return -EAGAIN;
	r = address(service, url, sizeof(url));
	if (r == 0)
		r = aws_sign_post(url, &signed_request, &key, time(NULL), lines);
	if (r < 0)
		return r;
	snprintf(type, sizeof(type), "Content-Type: %s", service->content_type);
	snprintf(target, sizeof(target), "X-Amz-Target: %s",
		service->target ? service->target : "");
	if (service->target)
		request.headers[n++] = target;
	for (int i = 0; i < r; i++)
		request.headers[n++] = lines[i];
	r = http_start(http, &request, done, ctx, ret);
	explicit_bzero(lines, sizeof(lines));
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
