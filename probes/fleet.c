/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet.
 *
 * The key that holds the document is the lead itself: who creates it, bound to a lease, leads until
 * the lease ends.  The others watch it; when it goes, each tries to create it, after a random
 * moment.  Only who knows a topology may lead, and who knows none any more for a while gives it up.
 *
 *   LOOKING    reads the key, then follows it, or claims it
 *   WAITING    there is no leader, and we know nothing that could be published
 *   CLAIMING   has asked for a lease, or for the key
 *   LEADING    renews the lease each third of it, puts the document after each change
 *   FOLLOWING  watches
 *
 * Without etcd everybody is alone, and probes as if there were no fleet.
 */
#include "fleet.h"

#include "etcd.h"
#include "fleet_etcd.h"
#include "trouble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 3000
#define WATCH_MS 600000
#define RETRY_NS (500 * LOOP_MS)
#define RETRY_MOST_NS (15 * LOOP_S)
#define JITTER_NS (300 * LOOP_MS)
#define RESIGN_NS (5 * LOOP_S)
#define DOCUMENT_MAX 12000
#define BODY_MAX (2 * DOCUMENT_MAX)

enum fleet_state { LOOKING, WAITING, CLAIMING, LEADING, FOLLOWING };

struct fleet {
	struct loop *loop;
	struct http *http;
	struct config_cluster config;
	struct etcd_key etcd;
	char key[PEL_NAME_MAX];
	void (*told)(void *ctx, enum remote_fleet fleet, const struct coordinator_view *view);
	void *ctx;
	enum fleet_state state;
	char document[DOCUMENT_MAX];
	bool known;
	bool follows;        /* as far as the log has told */
	bool changed;        /* the document, since it was last put */
	uint64_t unknown_ns; /* since when we know nothing */
	char lease[FLEET_LEASE_MAX];
	uint64_t lease_end_ns;
	uint64_t renewed_ns;    /* when its last renewal was asked for */
	struct http_call *call; /* of the state: a question, a put, the watch */
	struct http_call *renew;
	struct loop_timer timer; /* of the state */
	struct trouble trouble;
	struct coordinator_view view;
};

static void claim(struct fleet *f);
static void put(struct fleet *f);

static int ask(struct fleet *f, const char *path, const char *body,
	void (*done)(void *ctx, const struct http_answer *answer),
	void (*line)(void *ctx, const char *line, size_t n), struct http_call **ret)
{
	char url[URL_MAX];
	const struct http_request request = {
		.url = url,
		.headers_file = f->config.headers_file,
		.body = body,
		.body_size = strlen(body),
		.timeout_ms = line ? WATCH_MS : ANSWER_MS,
		.allow_http = f->config.allow_http,
		.tls = &f->config.http_tls,
		.line = line,
	};

	snprintf(url, sizeof(url), "%s%s", f->etcd.server, path);
	return http_start(f->http, &request, done, f, ret);
}

static void enter(struct fleet *f, enum fleet_state state)
{
	http_cancel(f->call);
	http_cancel(f->renew);
	f->call = f->renew = NULL;
	loop_timer_stop(f->loop, &f->timer);
	f->state = state;
}

static void look_in(struct fleet *f, uint64_t in_ns)
{
	enter(f, LOOKING);
	loop_timer_set_in(f->loop, &f->timer, in_ns);
}

/* A moment that is another one on every host. */
static uint64_t jitter_ns(const struct fleet *f)
{
	uint64_t seed = loop_now_ns(f->loop) ^ (uintptr_t)f;

	seed *= UINT64_C(0x9e3779b97f4a7c15);
	return (seed >> 20) % JITTER_NS;
}

static void follow_nobody(struct fleet *f)
{
	f->follows = false;
	f->told(f->ctx, REMOTE_FLEET_ALONE, NULL);
}

/* Another host leads, and has said something; what is not bound to a lease is no leader's word. */
static void follow(struct fleet *f)
{
	if (!f->view.leased) {
		trouble_say(
			&f->trouble, "somebody wrote a document without a lease; probing alone");
		follow_nobody(f);
		return;
	}
	trouble_end(&f->trouble);
	if (!f->follows)
		log_event(f->trouble.log, LOG_INFO, "fleet-follow", f->key, NULL,
			"another host probes for the fleet");
	f->follows = true;
	f->state = FOLLOWING;
	f->told(f->ctx, REMOTE_FLEET_FOLLOWS, &f->view);
}

static void fail(struct fleet *f, const char *why)
{
	trouble_say(&f->trouble, "the fleet cannot be reached: %s; probing alone", why);
	follow_nobody(f);
	look_in(f, trouble_wait_ns(&f->trouble, RETRY_NS, RETRY_MOST_NS, jitter_ns(f)));
}

/* True if there is an answer worth reading; else the fleet is out of reach. */
static bool is_good(struct fleet *f, const struct http_answer *answer)
{
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	if (problem)
		fail(f, problem);
	return !problem;
}

static void on_watch_done(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	if (answer->error == -ETIMEDOUT || is_good(f, answer))
		look_in(f, 0);
}

static void on_watch_line(void *ctx, const char *line, size_t n)
{
	struct fleet *f = ctx;
	enum coordinator_verdict verdict;

	if (!etcd_is_news(line))
		return;
	verdict = coordinator_parse(COORDINATOR_ETCD, line, n, NULL, &f->view);
	if (verdict == COORDINATOR_OK) {
		follow(f);
		return;
	}
	follow_nobody(f);
	look_in(f, verdict == COORDINATOR_NOTHING ? jitter_ns(f) : RETRY_NS);
}

static void watch(struct fleet *f, enum fleet_state state)
{
	char body[2 * ETCD_KEY_MAX];
	int r = etcd_watch_body(&f->etcd, f->view.index + 1, body, sizeof(body));

	enter(f, state);
	if (r == 0)
		r = ask(f, "/v3/watch", body, on_watch_done, on_watch_line, &f->call);
	if (r < 0)
		fail(f, strerror(-r));
}

static void on_looked(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	enum coordinator_verdict verdict;

	f->call = NULL;
	if (!is_good(f, answer))
		return;
	verdict = coordinator_parse(COORDINATOR_ETCD, answer->body, answer->size, NULL, &f->view);
	if (verdict == COORDINATOR_OK) {
		watch(f, WAITING);
		follow(f);
	} else if (verdict != COORDINATOR_NOTHING) {
		fail(f, coordinator_verdict_text(verdict));
	} else if (f->known) {
		claim(f);
	} else {
		watch(f, WAITING);
	}
}

static void look(struct fleet *f)
{
	char body[2 * ETCD_KEY_MAX];
	int r = etcd_range_body(&f->etcd, body, sizeof(body));

	if (r == 0)
		r = ask(f, "/v3/kv/range", body, on_looked, NULL, &f->call);
	if (r < 0)
		fail(f, strerror(-r));
}

/* The lead is lost, or was given up. */
static void step_down(struct fleet *f, const char *why)
{
	log_event(f->trouble.log, LOG_INFO, "fleet-lead-lost", f->key, NULL,
		"this host does not probe for the fleet any more: %s", why);
	follow_nobody(f);
	look_in(f, jitter_ns(f));
}

static void on_revoked(void *ctx, const struct http_answer *answer)
{
}

static void resign(struct fleet *f, const char *why)
{
	char body[64];
	struct http_call *ignored;

	snprintf(body, sizeof(body), "{\"ID\":\"%s\"}", f->lease);
	(void)ask(f, "/v3/lease/revoke", body, on_revoked, NULL, &ignored);
	step_down(f, why);
}

static void on_renewed(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	char buffer[64];
	unsigned ttl_s;

	f->renew = NULL;
	if (http_problem(answer, buffer, sizeof(buffer)))
		return;
	if (fleet_read_lease(answer->body, answer->size, f->lease, &ttl_s))
		f->lease_end_ns = f->renewed_ns + ttl_s * LOOP_S;
	else
		step_down(f, "its lease has ended");
}

static void on_checked(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	char buffer[64];

	f->call = NULL;
	if (!http_problem(answer, buffer, sizeof(buffer)) &&
		!fleet_read_success(answer->body, answer->size))
		step_down(f, "somebody else has written in its place");
	else if (f->changed)
		put(f);
}

/* Asks whether the document is still ours, unless a put is about to tell. */
static void check(struct fleet *f)
{
	char body[2 * ETCD_KEY_MAX];

	if (!f->call && etcd_check_body(&f->etcd, f->lease, body, sizeof(body)) == 0)
		(void)ask(f, "/v3/kv/txn", body, on_checked, NULL, &f->call);
}

/* Each third of the lease: renews it, or gives the lead up before the others take it. */
static void keep_lead(struct fleet *f)
{
	uint64_t now = loop_now_ns(f->loop);
	char body[64];

	if (now >= f->lease_end_ns) {
		step_down(f, "etcd was out of reach for as long as its lease");
		return;
	}
	if (!f->known && now - f->unknown_ns >= RESIGN_NS) {
		resign(f, "it knows no topology itself");
		return;
	}
	if (!f->renew) {
		f->renewed_ns = now;
		snprintf(body, sizeof(body), "{\"ID\":\"%s\"}", f->lease);
		(void)ask(f, "/v3/lease/keepalive", body, on_renewed, NULL, &f->renew);
	}
	if (f->changed)
		put(f);
	check(f);
	loop_timer_set_in(f->loop, &f->timer, f->config.lease_ms * LOOP_MS / 3);
}

static void on_timer(void *ctx)
{
	struct fleet *f = ctx;

	if (f->state == LEADING)
		keep_lead(f);
	else
		look(f);
}

static void lead(struct fleet *f)
{
	f->state = LEADING;
	log_event(f->trouble.log, LOG_INFO, "fleet-lead", f->key, NULL,
		"this host probes for the fleet");
	trouble_end(&f->trouble);
	f->told(f->ctx, REMOTE_FLEET_LEADS, NULL);
	loop_timer_set_in(f->loop, &f->timer, f->config.lease_ms * LOOP_MS / 3);
	if (f->changed)
		put(f);
}

static void on_put(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	char buffer[64];
	bool success;

	f->call = NULL;
	if (http_problem(answer, buffer, sizeof(buffer))) {
		f->changed = true;
		if (f->state == CLAIMING)
			fail(f, http_problem(answer, buffer, sizeof(buffer)));
		return;
	}
	success = fleet_read_success(answer->body, answer->size);
	if (f->state == CLAIMING && success)
		lead(f);
	else if (f->state == CLAIMING)
		look_in(f, 0);
	else if (!success)
		step_down(f, "another has taken it");
	else if (f->changed)
		put(f);
}

/* Puts the document: as the claim itself, or in place of our last one. */
static void put(struct fleet *f)
{
	char body[BODY_MAX];
	int r;

	if (f->call)
		return;
	if (f->state == CLAIMING)
		r = etcd_claim_body(&f->etcd, f->document, f->lease, body, sizeof(body));
	else
		r = etcd_update_body(&f->etcd, f->document, f->lease, body, sizeof(body));
	f->changed = false;
	if (r == 0)
		r = ask(f, "/v3/kv/txn", body, on_put, NULL, &f->call);
	if (r < 0)
		fail(f, strerror(-r));
}

static void on_granted(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	unsigned ttl_s;

	f->call = NULL;
	if (!is_good(f, answer))
		return;
	if (!fleet_read_lease(answer->body, answer->size, f->lease, &ttl_s)) {
		fail(f, "it grants no lease");
		return;
	}
	f->lease_end_ns = f->renewed_ns + ttl_s * LOOP_S;
	put(f);
}

static void claim(struct fleet *f)
{
	char body[64];
	int r;

	enter(f, CLAIMING);
	f->renewed_ns = loop_now_ns(f->loop);
	snprintf(body, sizeof(body), "{\"TTL\":\"%u\"}", (f->config.lease_ms + 999) / 1000);
	r = ask(f, "/v3/lease/grant", body, on_granted, NULL, &f->call);
	if (r < 0)
		fail(f, strerror(-r));
}

void fleet_publish(struct fleet *f, const struct pel_hot *hot, const struct pel_cold *cold)
{
	bool known = hot->state == PEL_STATE_KNOWN;

	if (f->known && !known)
		f->unknown_ns = loop_now_ns(f->loop);
	f->known = known || (f->known && hot->state == PEL_STATE_WRITERLESS);
	if (!f->known || fleet_document(hot, cold, f->document, sizeof(f->document)) < 0)
		return;
	f->changed = true;
	if (f->state == WAITING)
		claim(f);
	else if (f->state == LEADING)
		put(f);
}

int fleet_new(const struct fleet_options *options, struct fleet **ret)
{
	struct fleet *f = calloc(1, sizeof(*f));
	char suffix[PEL_NAME_MAX + 1];
	int r;

	if (!f)
		return -ENOMEM;
	f->loop = options->loop;
	f->http = options->http;
	f->config = *options->config;
	f->told = options->told;
	f->ctx = options->ctx;
	snprintf(f->key, sizeof(f->key), "%s", options->key);
	snprintf(suffix, sizeof(suffix), "/%s", options->key);
	f->trouble =
		(struct trouble){.log = options->log, .code = "fleet-trouble", .cluster = f->key};
	loop_timer_init(&f->timer, on_timer, f);
	r = etcd_key_parse(f->config.publish, suffix, &f->etcd);
	if (r < 0) {
		free(f);
		return r;
	}
	look_in(f, 0);
	*ret = f;
	return 0;
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	enter(f, LOOKING);
	explicit_bzero(&f->config, sizeof(f->config));
	free(f);
}
