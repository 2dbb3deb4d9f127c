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
 * How that is said is the store's (store.h).  Without one everybody is alone.  Leader or not, each
 * host asks the servers at its own pace: nobody's word keeps it from seeing a writer fall.
 */
#include "fleet.h"

#include "store.h"
#include "base/trouble.h"
#include "http/watch.h"
#include "logic/pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS (500 * LOOP_MS)
#define JITTER_NS (300 * LOOP_MS)
#define RESIGN_NS (5 * LOOP_S)

enum fleet_state { LOOKING, WAITING, CLAIMING, LEADING, FOLLOWING };

struct fleet {
	const struct http_cluster *of;
	const struct config_cluster *config;
	const struct fleet_store *store;
	struct fleet_place place;
	enum fleet_state state;
	char document[FLEET_DOCUMENT_MAX];
	bool known;
	bool follows;        /* as far as the log has told */
	bool changed;        /* the document, since it was last put */
	uint64_t unknown_ns; /* since when we know nothing */
	char lease[FLEET_LEASE_MAX];
	uint64_t lease_end_ns;
	uint64_t renewed_ns;    /* when its last renewal was asked for */
	struct http_call *call; /* of the state: a question, a put, the watch */
	struct http_call *renew;
	struct watch watch;
	struct loop_timer timer; /* of the state */
	struct trouble trouble;
	struct coordinator_view view;
	uint64_t heard_ns; /* when the leader's last sign of life was heard */
};

/* Asks; the answer goes to `done`, the lines of a stream to `line`. */
static int start(struct fleet *f, enum fleet_what what, const char *lease,
	void (*done)(void *ctx, const struct http_answer *answer),
	void (*line)(void *ctx, const char *line, size_t n), struct http_call **ret)
{
	const struct fleet_question question = {
		.what = what,
		.document = f->document,
		.lease = lease,
		.index = f->view.index,
		.beat = loop_now_ns(f->of->loop),
		.lease_ms = f->config->lease_ms,
	};
	struct fleet_request words;
	struct http_request request;
	int r = f->store->request(&f->place, &question, &words);

	if (r < 0)
		return r;
	request = (struct http_request){
		.method = words.method,
		.url = words.url,
		.headers_file = f->config->headers_file,
		.body = words.has_body ? words.body : NULL,
		.body_size = words.has_body ? strlen(words.body) : 0,
		.timeout_ms = words.timeout_ms,
		.allow_http = f->config->allow_http,
		.tls = &f->config->http_tls,
		.line = line,
	};
	return http_start(f->of->http, &request, done, f, ret);
}

/* Another state: whatever the last one asked and waited for is over. */
static void enter(struct fleet *f, enum fleet_state state)
{
	http_cancel(f->call);
	http_cancel(f->renew);
	f->call = f->renew = NULL;
	loop_timer_stop(f->of->loop, &f->timer);
	f->state = state;
}

static void look_in(struct fleet *f, uint64_t in_ns)
{
	enter(f, LOOKING);
	loop_timer_set_in(f->of->loop, &f->timer, in_ns);
}

/* A moment that is another one on every host. */
static uint64_t soon_ns(const struct fleet *f)
{
	return pace_jitter_ns(loop_now_ns(f->of->loop) ^ (uintptr_t)f, JITTER_NS);
}

static void tell(const struct fleet *f, enum remote_fleet fleet)
{
	f->of->core->fleet(f->of->core->ctx, f->of->key, fleet, &f->view);
}

static void follow_nobody(struct fleet *f)
{
	f->follows = false;
	tell(f, REMOTE_FLEET_ALONE);
}

/* Another host leads, and has said something; what is not bound to a lease is no leader's word. */
static void follow(struct fleet *f)
{
	if (!f->view.leased) {
		trouble_say(&f->trouble,
			"somebody wrote a document without a lease; probing alone");
		follow_nobody(f);
		return;
	}
	trouble_end(&f->trouble);
	if (!f->follows)
		log_event(f->trouble.log, LOG_INFO, "fleet-follow", f->of->key, NULL,
			"another host tells for the fleet");
	f->follows = true;
	f->state = FOLLOWING;
	tell(f, REMOTE_FLEET_FOLLOWS);
}

/* The store is of no use: alone for now. */
static void fail(struct fleet *f, const char *why)
{
	trouble_say(&f->trouble, "the fleet cannot be reached: %s; probing alone", why);
	follow_nobody(f);
	look_in(f, pace_wait_ns(PACE_COORDINATOR, f->trouble.failures, soon_ns(f)));
}

/* The question of the state, which waits for the answer. */
static void ask(struct fleet *f, enum fleet_what what, const char *lease,
	void (*done)(void *ctx, const struct http_answer *answer),
	void (*line)(void *ctx, const char *line, size_t n))
{
	int r = start(f, what, lease, done, line, &f->call);

	if (r < 0)
		fail(f, strerror(-r));
}

/* True if there is an answer worth reading. */
static bool is_good(struct fleet *f, const struct http_answer *answer)
{
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	if (problem)
		fail(f, problem);
	return !problem;
}

/* The same, where it may be that there is no such key. */
static bool is_word(struct fleet *f, const struct http_answer *answer)
{
	return (answer->error == 0 && answer->status == 404) || is_good(f, answer);
}

static void put(struct fleet *f);

/* Nobody waits for this answer. */
static void ignore(void *ctx, const struct http_answer *answer)
{
}

/* The lead is lost, or was given up. */
static void step_down(struct fleet *f, const char *why)
{
	log_event(f->trouble.log, LOG_INFO, "fleet-lead-lost", f->of->key, NULL,
		"this host does not tell for the fleet any more: %s", why);
	follow_nobody(f);
	look_in(f, soon_ns(f));
}

/* Another may lead at once, instead of when the lease ends. */
static void give_back(struct fleet *f)
{
	struct http_call *ignored;

	(void)start(f, FLEET_REVOKE, f->lease, ignore, NULL, &ignored);
}

/* Ours ends when the others take it for ended, if the store's lasts longer. */
static void extend(struct fleet *f, unsigned ttl_s)
{
	uint64_t ours_ns = f->config->lease_ms * LOOP_MS, ttl_ns = ttl_s * LOOP_S;

	f->lease_end_ns = f->renewed_ns + (ttl_ns < ours_ns ? ttl_ns : ours_ns);
}

static void on_renewed(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	unsigned ttl_s;
	int r;

	f->renew = NULL;
	r = f->store->read_lease(answer, f->lease, &ttl_s);
	if (r > 0)
		extend(f, ttl_s);
	else if (r == 0)
		step_down(f, "its lease has ended");
}

static void on_checked(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	if (f->store->read_held(answer) == 0)
		step_down(f, "somebody else has written in its place");
	else if (f->changed)
		put(f);
}

/* Each third of the lease: renews it, or gives the lead up before the others take it. */
static void keep_lead(struct fleet *f)
{
	uint64_t now = loop_now_ns(f->of->loop);

	if (now >= f->lease_end_ns) {
		step_down(f, "the store was out of reach for as long as its lease");
		return;
	}
	if (!f->known && now - f->unknown_ns >= RESIGN_NS) {
		give_back(f);
		step_down(f, "it knows no topology itself");
		return;
	}
	if (!f->renew) {
		f->renewed_ns = now;
		(void)start(f, FLEET_RENEW, f->lease, on_renewed, NULL, &f->renew);
	}
	if (f->changed)
		put(f);
	if (!f->call) /* no put is about to tell whether the document is still ours */
		(void)start(f, FLEET_CHECK, f->lease, on_checked, NULL, &f->call);
	loop_timer_set_in(f->of->loop, &f->timer, f->config->lease_ms * LOOP_MS / 3);
}

static void lead(struct fleet *f)
{
	f->state = LEADING;
	log_event(f->trouble.log, LOG_INFO, "fleet-lead", f->of->key, NULL,
		"this host tells for the fleet");
	trouble_end(&f->trouble);
	tell(f, REMOTE_FLEET_LEADS);
	loop_timer_set_in(f->of->loop, &f->timer, f->config->lease_ms * LOOP_MS / 3);
	if (f->changed)
		put(f);
}

static void on_put(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	int held = f->store->read_held(answer);

	f->call = NULL;
	if (held < 0) {
		f->changed = true;
		if (f->state == CLAIMING)
			(void)is_good(f, answer);
	} else if (f->state == CLAIMING && held) {
		lead(f);
	} else if (f->state == CLAIMING) {
		give_back(f);
		look_in(f, 0);
	} else if (!held) {
		step_down(f, "another has taken it");
	} else if (f->changed) {
		put(f);
	}
}

/* Puts the document: as the claim itself, or in place of our last one. */
static void put(struct fleet *f)
{
	if (f->call)
		return;
	f->changed = false;
	ask(f, f->state == CLAIMING ? FLEET_CLAIM : FLEET_UPDATE, f->lease, on_put, NULL);
}

static void on_granted(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	unsigned ttl_s;
	int r;

	f->call = NULL;
	r = f->store->read_lease(answer, f->lease, &ttl_s);
	if (r > 0) {
		extend(f, ttl_s);
		put(f);
	} else if (r == 0) {
		fail(f, "it grants no lease");
	} else {
		(void)is_good(f, answer);
	}
}

/* Asks for a lease, and with it for the key. */
static void claim(struct fleet *f)
{
	enter(f, CLAIMING);
	f->renewed_ns = loop_now_ns(f->of->loop);
	ask(f, FLEET_GRANT, f->lease, on_granted, NULL);
}

/* The watch told of no leader's word. */
static void lost(struct fleet *f, enum coordinator_verdict verdict)
{
	uint64_t pause = watch_end(&f->watch, loop_now_ns(f->of->loop), soon_ns(f));
	uint64_t wait = verdict == COORDINATOR_NOTHING ? soon_ns(f) : RETRY_NS;

	follow_nobody(f);
	look_in(f, pause > wait ? pause : wait);
}

static void on_watch_line(void *ctx, const char *line, size_t n)
{
	struct fleet *f = ctx;
	const struct http_answer answer = {.status = 200, .body = line, .size = n};
	enum coordinator_verdict verdict;

	if (!f->store->is_news(line))
		return;
	f->watch.told = true;
	verdict = f->store->read(&answer, &f->view);
	if (verdict == COORDINATOR_OK)
		follow(f);
	else
		lost(f, verdict);
}

static void on_unseated(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	look_in(f, soon_ns(f));
}

/* Nothing was heard of the leader for a lease: its key goes, and who is first leads. */
static void unseat(struct fleet *f)
{
	log_event(f->trouble.log, LOG_INFO, "fleet-leader-silent", f->of->key, NULL,
		"the host that tells for the fleet gives no sign of life");
	enter(f, LOOKING);
	ask(f, FLEET_REVOKE, f->view.session, on_unseated, NULL);
}

/* One answer of a watch that is no stream. */
static void take_watched(struct fleet *f, const struct http_answer *answer)
{
	uint64_t now = loop_now_ns(f->of->loop), index = f->view.index, digest = f->view.digest;
	enum coordinator_verdict verdict = f->store->read(answer, &f->view);

	if (verdict != COORDINATOR_OK || f->view.index < index) {
		lost(f, verdict);
		return;
	}
	if (f->view.index != index)
		f->heard_ns = now;
	if (f->view.leased && now - f->heard_ns >= f->config->lease_ms * LOOP_MS) {
		unseat(f);
		return;
	}
	f->watch.told = f->view.digest != digest || (f->view.leased && !f->follows);
	if (f->watch.told)
		follow(f);
	/* An index may grow by what is written elsewhere. */
	loop_timer_set_in(f->of->loop, &f->timer,
		watch_rest_ns(&f->watch, f->watch.told ? 0 : RETRY_NS, now));
}

static void on_watch_done(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;

	f->call = NULL;
	if (f->store->is_news) {
		if (answer->error == -ETIMEDOUT || is_good(f, answer))
			look_in(f, watch_end(&f->watch, loop_now_ns(f->of->loop), soon_ns(f)));
	} else if (is_word(f, answer)) {
		take_watched(f, answer);
	}
}

static void watch(struct fleet *f, enum fleet_state state)
{
	enter(f, state);
	watch_begin(&f->watch, loop_now_ns(f->of->loop));
	ask(f, FLEET_WATCH, f->lease, on_watch_done, f->store->is_news ? on_watch_line : NULL);
}

static void on_looked(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	enum coordinator_verdict verdict;

	f->call = NULL;
	if (!is_word(f, answer))
		return;
	verdict = f->store->read(answer, &f->view);
	f->heard_ns = loop_now_ns(f->of->loop);
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

static void on_timer(void *ctx)
{
	struct fleet *f = ctx;

	if (f->state == LEADING)
		keep_lead(f);
	else if (f->state == LOOKING)
		ask(f, FLEET_LOOK, f->lease, on_looked, NULL);
	else
		watch(f, f->state);
}

void fleet_publish(struct fleet *f, const struct pel_hot *hot, const struct pel_cold *cold)
{
	bool known = hot->state == PEL_STATE_KNOWN;

	if (f->known && !known)
		f->unknown_ns = loop_now_ns(f->of->loop);
	f->known = known || (f->known && hot->state == PEL_STATE_WRITERLESS);
	if (!f->known || fleet_document(hot, cold, f->document, sizeof(f->document)) < 0)
		return;
	f->changed = true;
	if (f->state == WAITING)
		claim(f);
	else if (f->state == LEADING)
		put(f);
}

int fleet_new(const struct http_cluster *of, struct fleet **ret)
{
	struct fleet *f = calloc(1, sizeof(*f));
	char suffix[PEL_NAME_MAX + 1];
	int r;

	if (!f)
		return -ENOMEM;
	f->of = of;
	f->config = of->config;
	f->trouble = (struct trouble){.log = of->log, .code = "fleet-trouble", .cluster = of->key};
	loop_timer_init(&f->timer, on_timer, f);
	snprintf(suffix, sizeof(suffix), "/%s", of->key);
	f->store = fleet_store_of(f->config->publish);
	r = f->store->place(f->config->publish, suffix, &f->place);
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
	free(f);
}
