/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A coordinator that speaks HTTP as a source.
 *
 * Three ways to hear of a change, by what the coordinator can do: a document, orchestrator and
 * Patroni are polled; Consul answers a question that carries the last index only when the key has
 * changed; etcd is read once, and then watched from the revision of that answer on, so that no
 * change is missed between the two.
 */
#include "source_http.h"

#include "coordinator.h"
#include "etcd.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000
#define CONSUL_WAIT "55s"
#define CONSUL_ANSWER_MS 65000 /* it adds up to a sixteenth to the wait */
#define WATCH_MS 600000        /* then the whole is read anew */

struct source_http {
	const struct http_cluster *of;
	const struct config_cluster *config;
	struct etcd_key etcd;
	struct http_call *call;
	struct loop_timer timer;
	struct watch watch; /* the last question */
	uint64_t index;     /* Consul: of the last answer; etcd: the revision; 0: read the whole */
	struct coordinator told;
};

static void ask(void *ctx);

static void again(struct source_http *s, uint64_t in_ns)
{
	loop_timer_set_in(s->of->loop, &s->timer, in_ns);
}

static void fail(struct source_http *s, const char *why)
{
	s->index = 0;
	again(s, coordinator_fail(&s->told, why));
}

/* Takes an answer's word over; false if it was none. */
static bool take(struct source_http *s, const char *body, size_t n)
{
	const char *why = coordinator_take(&s->told, body, n);

	if (why)
		fail(s, why);
	return !why;
}

/* Consul's index must grow; one that falls back means that its state was made anew. */
static void take_consul_index(struct source_http *s, uint64_t index)
{
	s->index = index < s->index ? 0 : index;
}

static void consul_done(struct source_http *s, const struct http_answer *answer)
{
	bool absent = answer->error == 0 && answer->status == 404;
	uint64_t was = s->index, digest = s->told.view.digest;
	bool news;

	if (!take(s, absent ? "[]" : answer->body, absent ? 2 : answer->size))
		return;
	take_consul_index(s, answer->index);
	news = s->index && s->index != was;
	/* An index may grow by what is written elsewhere. */
	if (news && s->told.view.digest == digest)
		again(s,
			watch_rest_ns(&s->watch, s->config->poll_ms * LOOP_MS,
				loop_now_ns(s->of->loop)));
	else
		again(s, news ? WATCH_GAP_NS : s->config->poll_ms * LOOP_MS);
}

static void etcd_read_done(struct source_http *s, const struct http_answer *answer)
{
	if (!take(s, answer->body, answer->size))
		return;
	s->index = s->told.view.index;
	again(s, 0);
}

static void on_done(void *ctx, const struct http_answer *answer)
{
	struct source_http *s = ctx;
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	s->call = NULL;
	if (problem && !(s->config->format == COORDINATOR_CONSUL && answer->status == 404)) {
		fail(s, problem);
		return;
	}
	if (s->config->format == COORDINATOR_CONSUL)
		consul_done(s, answer);
	else if (s->config->format == COORDINATOR_ETCD)
		etcd_read_done(s, answer);
	else if (take(s, answer->body, answer->size))
		again(s, s->config->poll_ms * LOOP_MS);
}

/* A watch ends by itself now and then: the whole is read anew, for nothing may be missed. */
static void on_watch_done(void *ctx, const struct http_answer *answer)
{
	struct source_http *s = ctx;
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));
	uint64_t now = loop_now_ns(s->of->loop);

	s->call = NULL;
	s->index = 0;
	if (problem && answer->error != -ETIMEDOUT) {
		fail(s, problem);
		return;
	}
	again(s, watch_end(&s->watch, now, now));
}

static void on_watch_line(void *ctx, const char *line, size_t n)
{
	struct source_http *s = ctx;

	if (!etcd_is_news(line))
		return;
	s->watch.told = true;
	if (take(s, line, n))
		return;
	http_cancel(s->call);
	s->call = NULL;
}

static int start(struct source_http *s, const char *url, const char *body,
	void (*line)(void *ctx, const char *line, size_t n), uint32_t timeout_ms)
{
	const struct http_request request = {
		.url = url,
		.headers = {"Accept: application/json"},
		.headers_file = s->config->headers_file,
		.body = body,
		.body_size = body ? strlen(body) : 0,
		.timeout_ms = timeout_ms,
		.allow_http = s->config->allow_http,
		.tls = &s->config->http_tls,
		.line = line,
	};

	return http_start(s->of->http, &request, line ? on_watch_done : on_done, s, &s->call);
}

static int ask_etcd(struct source_http *s)
{
	char url[URL_MAX], body[2 * ETCD_KEY_MAX];
	int r;

	snprintf(url, sizeof(url), "%s/v3/%s", s->etcd.server, s->index ? "watch" : "kv/range");
	if (s->index)
		r = etcd_watch_body(&s->etcd, s->index + 1, body, sizeof(body));
	else
		r = etcd_range_body(&s->etcd, body, sizeof(body));
	if (r < 0)
		return r;
	return start(s, url, body, s->index ? on_watch_line : NULL,
		s->index ? WATCH_MS : ANSWER_MS);
}

static int ask_consul(struct source_http *s)
{
	char url[URL_MAX];
	int n;

	if (!s->index)
		return start(s, s->config->url, NULL, NULL, ANSWER_MS);
	n = snprintf(url, sizeof(url), "%s%cindex=%llu&wait=" CONSUL_WAIT, s->config->url,
		strchr(s->config->url, '?') ? '&' : '?', (unsigned long long)s->index);
	if (n < 0 || (size_t)n >= sizeof(url))
		return -ENOBUFS;
	return start(s, url, NULL, NULL, CONSUL_ANSWER_MS);
}

static void ask(void *ctx)
{
	struct source_http *s = ctx;
	int r;

	watch_begin(&s->watch, loop_now_ns(s->of->loop));
	if (s->config->format == COORDINATOR_ETCD)
		r = ask_etcd(s);
	else if (s->config->format == COORDINATOR_CONSUL)
		r = ask_consul(s);
	else
		r = start(s, s->config->url, NULL, NULL, ANSWER_MS);
	if (r == -EPERM)
		fail(s, "plain http goes only to this host, unless allow-http is set");
	else if (r < 0)
		fail(s, strerror(-r));
}

int source_http_new(const struct http_cluster *of, struct source_http **ret)
{
	struct source_http *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->of = of;
	s->config = of->config;
	coordinator_init(&s->told, of);
	loop_timer_init(&s->timer, ask, s);
	if (s->config->format == COORDINATOR_ETCD)
		r = etcd_key_parse(s->config->url, "", &s->etcd);
	if (r < 0) {
		free(s);
		return r;
	}
	again(s, 0);
	*ret = s;
	return 0;
}

void source_http_free(struct source_http *s)
{
	if (!s)
		return;
	http_cancel(s->call);
	loop_timer_stop(s->of->loop, &s->timer);
	free(s);
}
