/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the prober's loop, by libcurl's multi interface.
 *
 * libcurl says which descriptors it waits for (on_socket) and until when (on_timer); the loop tells
 * it what happened.  It reports changes only, so each descriptor has a struct loop_io of its own
 * that is kept until libcurl lets go of it.
 *
 * libcurl forbids ending a transfer from within its callbacks.  So what arrives is only gathered
 * there, and handed over by deliver() once libcurl has returned: from then on a caller may cancel
 * any call, this one too.
 *
 * Names are resolved by libcurl's own thread.  QUICK_EXIT keeps it from waiting for that thread
 * when a call ends first: a silent DNS server would stop the loop for many seconds otherwise.
 */
#include "http.h"

#include "headers.h"
#include "base/secret.h"
#include "base/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L
#define IDLE_CONNECTIONS 8L

struct http_call {
	struct http *http;
	struct http_call *next;
	CURL *easy;
	struct curl_slist *headers;
	void (*done)(void *ctx, const struct http_answer *answer);
	void (*line)(void *ctx, const char *line, size_t n);
	void *ctx;
	char *sent; /* the request's body */
	size_t sent_size;
	char *body;
	size_t n, room;
	bool too_large;
	bool finished;
	CURLcode code;
	uint64_t index;
	uint32_t retry_after_s;
	char etag[128];
};

struct socket {
	struct http *http;
	struct loop_io io;
};

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_call *calls;
	bool delivering;
};

static void deliver(struct http *http);

static void drive(struct http *http, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(http->multi, fd, what, &running);
	deliver(http);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct socket *s = ctx;
	struct http *http = s->http;
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		(events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		(events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	drive(http, s->io.fd, what);
}

static void on_fire(void *ctx)
{
	drive(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http *http = ctx;

	if (timeout_ms < 0)
		loop_timer_stop(http->loop, &http->timer);
	else
		loop_timer_set_in(http->loop, &http->timer, (uint64_t)timeout_ms * LOOP_MS);
	return 0;
}

static void forget_socket(struct http *http, struct socket *s)
{
	if (!s)
		return;
	loop_io_remove(http->loop, &s->io);
	free(s);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http *http = ctx;
	struct socket *s = known;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE) {
		forget_socket(http, s);
		(void)curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (s)
		return loop_io_change(http->loop, &s->io, events) < 0 ? -1 : 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->http = http;
	if (loop_io_add(http->loop, &s->io, fd, events, on_ready, s) < 0) {
		free(s);
		return -1;
	}
	(void)curl_multi_assign(http->multi, fd, s);
	return 0;
}

/* Room for n bytes more and a NUL; false beyond the bound, or without memory. */
static bool make_room(struct http_call *call, size_t n)
{
	size_t room = call->room ? call->room : 4096;
	char *body;

	if (n > HTTP_BODY_MAX || call->n + n > HTTP_BODY_MAX)
		return false;
	while (room <= call->n + n)
		room *= 2;
	if (room == call->room)
		return true;
	body = realloc(call->body, room);
	if (!body)
		return false;
	call->body = body;
	call->room = room;
	return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;

	if (!make_room(call, size * n)) {
		call->too_large = true;
		return 0;
	}
	memcpy(call->body + call->n, data, size * n);
	call->n += size * n;
	call->body[call->n] = '\0';
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;
	uint64_t value;

	if (http_header_number(data, size * n, "X-Consul-Index", &value))
		call->index = value;
	if (http_header_number(data, size * n, "Retry-After", &value))
		call->retry_after_s = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
	(void)http_header_text(data, size * n, "ETag", call->etag, sizeof(call->etag));
	return size * n;
}

static void unlink_call(struct http_call *call)
{
	struct http_call **at = &call->http->calls;

	while (*at && *at != call)
		at = &(*at)->next;
	if (*at)
		*at = call->next;
}

static void call_free(struct http_call *call)
{
	if (call->easy) {
		(void)curl_multi_remove_handle(call->http->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	for (struct curl_slist *h = call->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(call->headers);
	if (call->sent)
		explicit_bzero(call->sent, call->sent_size);
	if (call->body)
		explicit_bzero(call->body, call->room);
	free(call->sent);
	free(call->body);
	free(call);
}

void http_cancel(struct http_call *call)
{
	if (!call)
		return;
	unlink_call(call);
	call_free(call);
}

static int error_of(CURLcode code, bool too_large)
{
	if (too_large)
		return -EMSGSIZE;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EADDRNOTAVAIL;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

/* Hands over one line, if there is a whole one: true. */
static bool deliver_line(struct http_call *call)
{
	char *end = call->line && call->n ? memchr(call->body, '\n', call->n) : NULL;
	char *line;
	size_t n;

	if (!end)
		return false;
	n = (size_t)(end - call->body);
	line = strndup(call->body, n);
	call->n -= n + 1;
	memmove(call->body, end + 1, call->n);
	if (line)
		call->line(call->ctx, line, strlen(line));
	free(line);
	return true;
}

static void deliver_end(struct http_call *call)
{
	struct http_answer answer = {.error = error_of(call->code, call->too_large),
		.body = call->body ? call->body : "",
		.size = call->n,
		.index = call->index,
		.etag = call->etag,
		.retry_after_s = call->retry_after_s};
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	answer.status = (unsigned)status;
	unlink_call(call);
	call->done(call->ctx, &answer);
	call_free(call);
}

/* One thing that a caller has to be told; false if there is none. */
static bool deliver_one(struct http *http)
{
	for (struct http_call *call = http->calls; call; call = call->next) {
		if (deliver_line(call))
			return true;
		if (call->finished) {
			deliver_end(call);
			return true;
		}
	}
	return false;
}

static void deliver(struct http *http)
{
	CURLMsg *message;
	int left;

	if (http->delivering)
		return;
	http->delivering = true;
	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_call *call;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		call->finished = true;
		call->code = message->data.result;
	}
	while (deliver_one(http))
		;
	http->delivering = false;
}

int http_new(struct loop *loop, struct http **ret)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(http->multi = curl_multi_init())) {
		free(http);
		return -ENOMEM;
	}
	http->loop = loop;
	loop_timer_init(&http->timer, on_fire, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	*ret = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->calls)
		http_cancel(http->calls);
	(void)curl_multi_cleanup(http->multi);
	loop_timer_stop(http->loop, &http->timer);
	curl_global_cleanup();
	free(http);
}

static void set_tls(CURL *easy, const struct tls_settings *tls)
{
	if (!tls)
		return;
	if (tls->ca[0])
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca);
	if (tls->capath[0])
		(void)curl_easy_setopt(easy, CURLOPT_CAPATH, tls->capath);
	if (tls->cert[0])
		(void)curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert);
	if (tls->key[0])
		(void)curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
}

/* What goes on the wire.  The URL is made of what was checked, so that libcurl reads it no other
 * way. */
static int set_request(struct http_call *call, const struct http_request *request,
	const struct url *url)
{
	char text[2 * URL_MAX];
	CURL *easy = call->easy;

	snprintf(text, sizeof(text), "http%s://%s%s", url->tls ? "s" : "", url->authority,
		url->path);
	if (request->body) {
		call->sent_size = request->body_size;
		call->sent = malloc(request->body_size + 1);
		if (!call->sent)
			return -ENOMEM;
		memcpy(call->sent, request->body, request->body_size);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->sent);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body_size);
	}
	if (request->method)
		(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (!url->tls)
		(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	set_tls(easy, request->tls);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	return curl_easy_setopt(easy, CURLOPT_URL, text) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_manners(struct http_call *call)
{
	CURL *easy = call->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "pelorus");
}

static int add_headers(struct http_call *call, const struct http_request *request)
{
	int r = http_header_add(&call->headers, "Expect:");

	for (unsigned i = 0; r == 0 && i < HTTP_HEADERS_MAX && request->headers[i]; i++)
		r = http_header_add(&call->headers, request->headers[i]);
	if (r == 0 && request->headers_file && request->headers_file[0])
		r = http_headers_read(&call->headers, request->headers_file);
	return r;
}

int http_start(struct http *http, const struct http_request *request,
	void (*done)(void *ctx, const struct http_answer *answer), void *ctx,
	struct http_call **ret)
{
	struct http_call *call;
	struct url url;
	int r = url_parse(request->url, &url);

	if (r < 0)
		return r;
	if (!url_is_allowed(&url, request->allow_http))
		return -EPERM;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	*call = (struct http_call){.http = http,
		.done = done,
		.line = request->line,
		.ctx = ctx,
		.easy = curl_easy_init()};
	r = call->easy ? add_headers(call, request) : -ENOMEM;
	if (r == 0) {
		set_manners(call);
		r = set_request(call, request, &url);
	}
	if (r == 0 && curl_multi_add_handle(http->multi, call->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0) {
		call_free(call);
		return r;
	}
	call->next = http->calls;
	http->calls = call;
	*ret = call;
	return 0;
}

const char *http_problem(const struct http_answer *answer, char *buffer, size_t size)
{
	static const struct {
		int error;
		const char *phrase;
	} phrases[] = {
		{-ETIMEDOUT, "no answer in time"},
		{-EMSGSIZE, "its answer is too large"},
		{-EADDRNOTAVAIL, "its name leads nowhere"},
		{-ECONNREFUSED, "it cannot be reached"},
		{-EKEYREJECTED, "TLS failed"},
	};

	if (answer->error == 0 && answer->status >= 200 && answer->status < 300)
		return NULL;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		if (answer->error == phrases[i].error)
			return phrases[i].phrase;
	}
	if (answer->error)
		return "its answer was cut off";
	snprintf(buffer, size,
		answer->status / 100 == 3 ? "it answered with a redirect (%u)" : "it answered %u",
		answer->status);
	return buffer;
}
