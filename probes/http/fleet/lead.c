/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet's lead: taken, kept, lost, given up.  See fleet.c. */
#include "internal.h"

#include <string.h>

#define RESIGN_NS (5 * LOOP_S)

/* The lead is lost, or was given up. */
static void step_down(struct fleet *f, const char *why)
{
	log_event(f->trouble.log, LOG_INFO, "fleet-lead-lost", f->key, NULL,
		"this host does not probe for the fleet any more: %s", why);
	fleet_follow_nobody(f);
	fleet_look_in(f, fleet_jitter_ns(f));
}

/* Another may lead at once, instead of when the lease ends. */
static void give_back(struct fleet *f)
{
	struct http_call *ignored;

	(void)fleet_ask_about(f, FLEET_REVOKE, f->lease, fleet_ignore, NULL, &ignored);
}

static void resign(struct fleet *f, const char *why)
{
	give_back(f);
	step_down(f, why);
}

/* Ours ends when the others take it for ended, if the store's lasts longer. */
static void extend(struct fleet *f, unsigned ttl_s)
{
	uint64_t ours_ns = f->config.lease_ms * LOOP_MS, ttl_ns = ttl_s * LOOP_S;

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
		fleet_put(f);
}

/* Asks whether the document is still ours, unless a put is about to tell. */
static void check(struct fleet *f)
{
	if (!f->call)
		(void)fleet_ask(f, FLEET_CHECK, on_checked);
}

void fleet_keep_lead(struct fleet *f)
{
	uint64_t now = loop_now_ns(f->loop);

	if (now >= f->lease_end_ns) {
		step_down(f, "the store was out of reach for as long as its lease");
		return;
	}
	if (!f->known && now - f->unknown_ns >= RESIGN_NS) {
		resign(f, "it knows no topology itself");
		return;
	}
	if (!f->renew) {
		f->renewed_ns = now;
		(void)fleet_ask_about(f, FLEET_RENEW, f->lease, on_renewed, NULL, &f->renew);
	}
	if (f->changed)
		fleet_put(f);
	check(f);
	loop_timer_set_in(f->loop, &f->timer, f->config.lease_ms * LOOP_MS / 3);
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
		fleet_put(f);
}

static void on_put(void *ctx, const struct http_answer *answer)
{
	struct fleet *f = ctx;
	int held = f->store->read_held(answer);

	f->call = NULL;
	if (held < 0) {
		f->changed = true;
		if (f->state == CLAIMING)
			(void)fleet_is_good(f, answer);
	} else if (f->state == CLAIMING && held) {
		lead(f);
	} else if (f->state == CLAIMING) {
		give_back(f);
		fleet_look_in(f, 0);
	} else if (!held) {
		step_down(f, "another has taken it");
	} else if (f->changed) {
		fleet_put(f);
	}
}

void fleet_put(struct fleet *f)
{
	int r;

	if (f->call)
		return;
	f->changed = false;
	r = fleet_ask(f, f->state == CLAIMING ? FLEET_CLAIM : FLEET_UPDATE, on_put);
	if (r < 0)
		fleet_fail(f, strerror(-r));
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
		fleet_put(f);
	} else if (r == 0) {
		fleet_fail(f, "it grants no lease");
	} else {
		(void)fleet_is_good(f, answer);
	}
}

void fleet_claim(struct fleet *f)
{
	int r;

	fleet_enter(f, CLAIMING);
	f->renewed_ns = loop_now_ns(f->loop);
	r = fleet_ask(f, FLEET_GRANT, on_granted);
	if (r < 0)
		fleet_fail(f, strerror(-r));
}
