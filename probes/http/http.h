/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the prober's loop.
 *
 * No call blocks.  Redirects are not followed, answers are bounded, plain http goes only to near
 * addresses (url.h) unless allowed.  Callbacks run from the loop, never from within http_start().
 */
#ifndef HTTP_H
#define HTTP_H

#include "config/config.h"
#include "base/log.h"
#include "base/loop.h"
#include "remote/remote.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BODY_MAX (1024 * 1024)
#define HTTP_HEADERS_MAX 12

struct http;
struct http_call;

struct http_request {
	const char *method; /* NULL: GET, or POST if there is a body */
	const char *url;
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value"; NULL ends them */
	const char *headers_file; /* more of them, one a line, read anew each time; NULL or "" */
	const char *body;         /* copied */
	size_t body_size;
	uint32_t timeout_ms; /* from start to end */
	bool allow_http;
	const struct tls_settings *tls; /* ca, capath, cert, key; NULL: the system's */
	/* A stream: called with each whole line as it comes; the answer's body stays empty. */
	void (*line)(void *ctx, const char *line, size_t n);
};

struct http_answer {
	int error;       /* 0; -errno if there was no whole answer */
	unsigned status; /* of the answer; not 2xx is no error */
	const char *body;
	size_t size;
	uint64_t index;         /* X-Consul-Index; 0: none */
	uint32_t retry_after_s; /* Retry-After, if it is a number */
	const char *etag;       /* "": none, or one of more than 127 bytes */
};

/* What a source of one cluster works with: its owner's, who keeps it as it is meanwhile. */
struct http_cluster {
	struct loop *loop;
	struct http *http;
	struct log *log;
	const struct remote_core *core; /* whom it tells */
	const char *key;                /* of the cluster */
	const struct config_cluster *config;
};

/* 0 or -errno. */
int http_new(struct loop *loop, struct http **ret);
/* Ends all calls without telling them. */
void http_free(struct http *http);

/*
 * Starts a call; `done` is called once, after which the call is gone.  Everything in the request is
 * copied.  0; -EINVAL: no URL; -EPERM: plain http to afar; -errno of the headers' file.
 */
int http_start(struct http *http, const struct http_request *request,
	void (*done)(void *ctx, const struct http_answer *answer), void *ctx,
	struct http_call **ret);

/* Ends a call without telling it, also from a callback; NULL is ignored. */
void http_cancel(struct http_call *call);

/* What went wrong, as a phrase ("it answered 503", "no answer in time"); NULL if nothing did. */
const char *http_problem(const struct http_answer *answer, char *buffer, size_t size);

#endif
