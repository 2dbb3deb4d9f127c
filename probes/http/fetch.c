/* SPDX-License-Identifier: Apache-2.0 */
/* One document fetched for the engine. */
#include "fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_MS 10000

struct remote_fetch {
	struct http_call *call;
	void (*done)(void *ctx, const struct remote_fetched *answer);
	void *ctx;
	bool conditional;
};

static void on_done(void *ctx, const struct http_answer *answer)
{
	struct remote_fetch *f = ctx;
	char buffer[64];
	struct remote_fetched told = {.body = answer->body ? answer->body : "",
		.size = answer->body ? answer->size : 0,
		.etag = answer->etag};

	told.unchanged = f->conditional && answer->error == 0 && answer->status == 304;
	if (!told.unchanged)
		told.problem = http_problem(answer, buffer, sizeof(buffer));
	f->done(f->ctx, &told);
	free(f);
}

int fetch_start(struct http *http, const struct config_cluster *config, const char *url,
	const char *etag, void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret)
{
	struct remote_fetch *f = calloc(1, sizeof(*f));
	char condition[160];
	struct http_request request = {.url = url,
		.headers_file = config->headers_file,
		.timeout_ms = FETCH_MS,
		.allow_http = config->allow_http,
		.tls = &config->http_tls};
	int r;

	if (!f)
		return -ENOMEM;
	*f = (struct remote_fetch){.done = done, .ctx = ctx, .conditional = etag[0] != '\0'};
	if (f->conditional) {
		(void)snprintf(condition, sizeof(condition), "If-None-Match: %s", etag);
		request.headers[0] = condition;
	}
	r = http_start(http, &request, on_done, f, &f->call);
	if (r < 0) {
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void fetch_cancel(struct remote_fetch *fetch)
{
	http_cancel(fetch->call);
	free(fetch);
}
