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
 * How that is said is the store's (store.h).  Without one everybody is alone, and probes as
 * if there were no fleet.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS (500 * LOOP_MS)
#define RETRY_MOST_NS (15 * LOOP_S)
#define JITTER_NS (300 * LOOP_MS)
#define WATCH_GAP_NS (20 * LOOP_MS) /* between two questions that are answered at once */

int fleet_ask_about(struct fleet *f, enum fleet_what what, const char *lease,
	void (*done)(void *ctx, const struct http_answer *answer),
	void (*line)(void *ctx, const char *line, size_t n), struct http_call **ret)
{
	const struct fleet_question question = {
		.what = what,
		.document = f->document,
		.lease = lease,
		.index = f->view.index,
		.beat = loop_now_ns(f->loop),
		.lease_ms = f->config.lease_ms,
	};
	struct fleet_request words;
	struct http_request request;
	int r = f->store->request(&f->place, &question, &words);

	if (r < 0)
		return r;
	request = (struct http_request){
		.method = words.method,
		.url = words.url,
		.headers_file = f->config.headers_file,
		.body = words.has_body ? words.body : NULL,
		.body_size = words.has_body ? strlen(words.body) : 0,
		.timeout_ms = words.timeout_ms,
		.allow_http = f->config.allow_http,
		.tls = &f->config.http_tls,
		.line = line,
	};
	return http_start(f->http, &request, done, f, ret);
}

int fleet_ask(struct fleet *f, enum fleet_what what,
	void (*done)(void *ctx, const struct http_answer *answer))
{
	return fleet_ask_about(f, what, f->lease, done, NULL, &f->call);
}

void fleet_enter(struct fleet *f, enum fleet_state state)
{
	http_cancel(f->call);
	http_cancel(f->renew);
	f->call = f->renew = NULL;
	loop_timer_stop(f->loop, &f->timer);
	f->state = state;
}

void fleet_look_in(struct fleet *f, uint64_t in_ns)
{
	fleet_enter(f, LOOKING);
	loop_timer_set_in(f->loop, &f->timer, in_ns);
}

uint64_t fleet_jitter_ns(const struct fleet *f)
{
	uint64_t seed = loop_now_ns(f->loop) ^ (uintptr_t)f;

	seed *= UINT64_C(0x9e3779b97f4a7c15);
	return (seed >> 20) % JITTER_NS;
}

void fleet_follow_nobody(struct fleet *f)
{
	f->follows = false;
	f->told(f->ctx, REMOTE_FLEET_ALONE, NULL);
}

/* Another host leads, and has said something; what is not bound to a lease is no leader's word. */
static void follow(struct fleet *f)
{
	if (!f->view.leased) {
		trouble_say(&f->trouble,
			"somebody wrote a document without a lease; probing alone");
		fleet_follow_nobody(f);
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

void fleet_fail(struct fleet *f, const char *why)
{
	trouble_say(&f->trouble, "the fleet cannot be reached: %s; probing alone", why);
	fleet_follow_nobody(f);
	fleet_look_in(f, trouble_wait_ns(&f->trouble, RETRY_NS, RETRY_MOST_NS, fleet_jitter_ns(f)));
}

bool fleet_is_good(struct fleet *f, const struct http_answer *answer)
{
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	if (problem)
		fleet_fail(f, problem);
	return !problem;
}

/* The same, where it may be that there is no such key. */
static bool is_word(struct fleet *f, const struct http_answer *answer)
{
	return (answer->error == 0 && answer->status == 404) || fleet_is_good(f, answer);
}

static void on_watch_line(void *ctx, const char *line, size_t n)
{
	struct fleet *f = ctx;
	const struct http_answer answer = {.status = 200, .body = line, .size = n};
	enum coordinator_verdict verdict;

	if (!f->store->is_news(line))
		return;
	verdict = f->store->read(&answer, &f->view);
	if (verdict == COORDINATOR_OK) {
		follow(f);
		return;
	}
	fleet_follow_nobody(f);
	fleet_look_in(f, verdict == COORDINATOR_NOTHING ? fleet_jitter_ns(f) : RETRY_NS);
}

void fleet_ignore(void *ctx, const struct http_answer *answer)
{
}

static void on_unseated(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	fleet_look_in(f, fleet_jitter_ns(f));
}

/* Nothing was heard of the leader for a lease: its key goes, and who is first leads. */
static void unseat(struct fleet *f)
{
	int r;

	log_event(f->trouble.log, LOG_INFO, "fleet-leader-silent", f->key, NULL,
		"the host that probes for the fleet gives no sign of life");
	fleet_enter(f, LOOKING);
	r = fleet_ask_about(f, FLEET_REVOKE, f->view.session, on_unseated, NULL, &f->call);
	if (r < 0)
		fleet_fail(f, strerror(-r));
}

/* One answer of a watch that is no stream. */
static void take_watched(struct fleet *f, const struct http_answer *answer)
{
	uint64_t now = loop_now_ns(f->loop), index = f->view.index, digest = f->view.digest;
	enum coordinator_verdict verdict = f->store->read(answer, &f->view);

	if (verdict != COORDINATOR_OK || f->view.index < index) {
		fleet_follow_nobody(f);
		fleet_look_in(f, verdict == COORDINATOR_NOTHING ? fleet_jitter_ns(f) : RETRY_NS);
		return;
	}
	if (f->view.index != index)
		f->heard_ns = now;
	if (f->view.leased && now - f->heard_ns >= f->config.lease_ms * LOOP_MS) {
		unseat(f);
		return;
	}
	if (f->view.digest != digest || (f->view.leased && !f->follows))
		follow(f);
	loop_timer_set_in(f->loop, &f->timer, WATCH_GAP_NS);
}

static void on_watch_done(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	if (f->store->is_news) {
		if (answer->error == -ETIMEDOUT || fleet_is_good(f, answer))
			fleet_look_in(f, 0);
	} else if (is_word(f, answer)) {
		take_watched(f, answer);
	}
}

static void watch(struct fleet *f, enum fleet_state state)
{
	int r;

	fleet_enter(f, state);
	r = fleet_ask_about(f, FLEET_WATCH, f->lease, on_watch_done,
		f->store->is_news ? on_watch_line : NULL, &f->call);
	if (r < 0)
		fleet_fail(f, strerror(-r));
}

static void on_looked(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	enum coordinator_verdict verdict;

	f->call = NULL;
	if (!is_word(f, answer))
		return;
	verdict = f->store->read(answer, &f->view);
	f->heard_ns = loop_now_ns(f->loop);
	if (verdict == COORDINATOR_OK) {
		watch(f, WAITING);
		follow(f);
	} else if (verdict != COORDINATOR_NOTHING) {
		fleet_fail(f, coordinator_verdict_text(verdict));
	} else if (f->known) {
		fleet_claim(f);
	} else {
		watch(f, WAITING);
	}
}

static void look(struct fleet *f)
{
	int r = fleet_ask(f, FLEET_LOOK, on_looked);

	if (r < 0)
		fleet_fail(f, strerror(-r));
}

static void on_timer(void *ctx)
{
	struct fleet *f = ctx;

	if (f->state == LEADING)
		fleet_keep_lead(f);
	else if (f->state == LOOKING)
		look(f);
	else
		watch(f, f->state);
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
		fleet_claim(f);
	else if (f->state == LEADING)
		fleet_put(f);
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
	f->store = fleet_store_of(f->config.publish);
	r = f->store->place(f->config.publish, suffix, &f->place);
	if (r < 0) {
		free(f);
		return r;
	}
	fleet_look_in(f, 0);
	*ret = f;
	return 0;
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	fleet_enter(f, LOOKING);
	explicit_bzero(&f->config, sizeof(f->config));
	free(f);
}
