/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warm-up of a cluster's new readers, and of any instance by hand.
 *
 * topology.h says who wants it: a new reader that has been fit for long enough.  It then is warming,
 * in this prober and in every other: one of them has the instance's lock and works, the others show
 * that, until that one is done, or gone.  What fails is tried again until warm-up-timeout; then the
 * reader is admitted cold, or held.  If it is admitted by anything else (a promotion, nobody else left, by
 * hand) or held by hand, the warm-up ends at once.
 *
 * By hand it is tried once, and whoever is admitted stays so.
 */
#include "internal.h"
#include "warm/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS (2 * LOOP_S)
#define KEEP_NS (60 * LOOP_S)  /* the outcome is told so long */
#define DONE_NS (300 * LOOP_S) /* others that are late hear that it is done */

enum stage {
	STAGE_ACTIVE = 0,
	STAGE_RESTING, /* until the next attempt */
	STAGE_OVER,    /* until it is forgotten */
};

struct warm {
	struct cluster *cluster;
	unsigned slot;
	char id[PEL_ID_MAX];
	bool by_hand;
	char from[CONFIG_URL_MAX];
	enum stage stage;
	struct warm_run *run;
	struct warm_source *source;
	struct warm_shown shown;
	char said[sizeof(((struct warm_shown *)0)->text)]; /* the last trouble in the log */
	uint64_t first_ns, begun_ns;
	uint64_t due_ns; /* of the next attempt, or of being forgotten */
};

static void say(const struct warm *w, enum log_level level, const char *code, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static void say(const struct warm *w, enum log_level level, const char *code, const char *format,
	...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_event(w->cluster->o->log, level, code, w->cluster->title, w->id, "%s: %s", w->id, text);
}

static uint8_t admission_of(const struct warm *w)
{
	const struct topology_member *m = topology_member(&w->cluster->topology, w->slot);

	return m ? m->admission : PEL_ADMITTED;
}

static void feed(struct warm *w, bool elsewhere)
{
	struct cluster *c = w->cluster;

	cluster_note(c,
		topology_feed_warm(&c->topology, w->slot, (uint16_t)w->shown.done,
			(uint16_t)w->shown.total, elsewhere, cluster_now(c)));
}

static void show(struct warm *w, const char *state, unsigned done, unsigned total)
{
	w->shown.state = state;
	w->shown.done = done;
	w->shown.total = total;
	feed(w, false);
}

static void admission_set(struct warm *w, enum pel_admission admission)
{
	struct cluster *c = w->cluster;

	cluster_note(c,
		topology_feed_admission(&c->topology, w->slot, admission, false, cluster_now(c)));
}

static void stop(struct warm *w)
{
	warm_run_close(w->run);
	w->run = NULL;
	warm_source_close(w->source);
	w->source = NULL;
}

static void warm_free(struct warm *w)
{
	stop(w);
	w->cluster->warms[w->slot] = NULL;
	free(w);
}

static void end(struct warm *w, uint64_t keep_ns)
{
	w->stage = STAGE_OVER;
	w->due_ns = cluster_now(w->cluster) + keep_ns;
	cluster_kick(w->cluster);
}

/* Statements that failed since this was last called. */
static void count_failed(struct warm *w, const struct warm_counts *counts)
{
	w->cluster->warm_totals.statement_failures += counts->failed - w->shown.failed;
	w->shown.failed = counts->failed;
}

/* The same trouble at every attempt is said once. */
static void rest(struct warm *w, const char *why)
{
	(void)snprintf(w->shown.text, sizeof(w->shown.text), "%s", why);
	w->cluster->warm_totals.failures++;
	if (strcmp(w->said, w->shown.text) != 0)
		say(w, LOG_WARNING, "warm-up-failed", "the warm-up came to nothing: %s", why);
	memcpy(w->said, w->shown.text, sizeof(w->said));
	stop(w);
	show(w, "failed", 0, 0);
	if (admission_of(w) == PEL_ADMIT_WARMING)
		admission_set(w, PEL_ADMIT_NEW);
	end(w, w->by_hand ? KEEP_NS : RETRY_NS);
	w->stage = w->by_hand ? STAGE_OVER : STAGE_RESTING;
}

static void give_up(struct warm *w)
{
	struct cluster *c = w->cluster;
	bool hold = c->config->warm_up_on_failure == CONFIG_UNWARMED_HOLD;

	c->warm_totals.time_outs++;
	say(w, LOG_WARNING, "warm-up-timed-out", "not warmed within %u s%s%s: %s",
		c->config->warm_up_timeout_ms / 1000, w->shown.text[0] ? ": " : "", w->shown.text,
		hold ? "it is held" : "it is admitted cold");
	stop(w);
	show(w, "failed", 0, 0);
	if (hold)
		cluster_note(c, topology_feed_unwarmed(&c->topology, w->slot, cluster_now(c)));
	else
		admission_set(w, PEL_ADMITTED);
	end(w, KEEP_NS);
}

static void warmed(struct warm *w)
{
	struct cluster *c = w->cluster;

	cluster_note(c, topology_feed_warmed(&c->topology, w->slot, cluster_now(c)));
	end(w, DONE_NS);
}

static void say_done(struct warm *w, const struct warm_counts *counts)
{
	uint64_t ms = (cluster_now(w->cluster) - w->begun_ns) / LOOP_MS;

	count_failed(w, counts);
	(void)snprintf(w->shown.text, sizeof(w->shown.text), "%s", counts->error);
	say(w, counts->failed ? LOG_WARNING : LOG_INFO, "warmed",
		"warmed with %u statements in %llu.%llu s, %u failed%s%s", counts->total,
		(unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100, counts->failed,
		counts->failed ? ", the first: " : "", counts->error);
}

static void source_told(void *ctx, const struct warm_list *list, const char *problem)
{
	struct warm *w = ctx;

	if (!list) {
		rest(w, problem);
		return;
	}
	if (list->refused && list->refused != w->shown.refused)
		say(w, LOG_WARNING, "warm-up-refused",
			"%u statements of the warm-up are no plain reads, and are not run",
			list->refused);
	w->shown.refused = list->refused;
	w->shown.failed = 0;
	w->cluster->warm_totals.statements_refused += list->refused;
	w->cluster->warm_totals.runs++;
	w->begun_ns = cluster_now(w->cluster);
	say(w, LOG_INFO, "warm-up-started", "is warmed with %u statements", list->n);
	show(w, "running", 0, list->n);
	warm_run_start(w->run, list);
}

/* An admitted reader that answers; the writer if there is none. */
static unsigned teller_slot(const struct warm *w)
{
	const struct topology *t = &w->cluster->topology;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(t, i);

		if (m && m->live && m->role == PEL_ROLE_READER && m->admission == PEL_ADMITTED &&
			i != w->slot)
			return i;
	}
	return t->writer;
}

/* Where to log in to a member, and by which name. */
static bool way_to(struct cluster *c, unsigned slot, struct pel_addr *ret_addr,
	const char **ret_host)
{
	if (slot >= PEL_MAP_INSTANCES || !topology_login_addr(&c->topology, slot, ret_addr))
		return false;
	*ret_host = probe_host(&c->probes[slot]);
	return true;
}

static bool teller(void *ctx, struct pel_addr *ret_addr, const char **ret_host)
{
	struct warm *w = ctx;

	return way_to(w->cluster, teller_slot(w), ret_addr, ret_host);
}

static unsigned keeper(void *ctx, struct pel_addr *ret_addr, const char **ret_host)
{
	struct warm *w = ctx;

	(void)way_to(w->cluster, w->cluster->topology.writer, ret_addr, ret_host);
	return w->cluster->topology.writer;
}

static int fetch(void *ctx, const char *url, const char *etag,
	void (*done)(void *ctx, const struct remote_fetched *answer), void *done_ctx,
	struct remote_fetch **ret)
{
	struct warm *w = ctx;

	return remote_module_fetch(w->cluster->o->remote, w->cluster->key, url, etag, done,
		done_ctx, ret);
}

static void fetch_cancel(void *ctx, struct remote_fetch *fetch)
{
	struct warm *w = ctx;

	remote_module_fetch_cancel(w->cluster->o->remote, fetch);
}

static void source_open(struct warm *w)
{
	struct cluster *c = w->cluster;
	const struct warm_source_options options = {.links = &c->links,
		.memory = &c->warm_memory,
		.from = w->by_hand ? w->from : c->config->warm_up,
		.limit = c->config->warm_up_limit,
		.told = source_told,
		.teller = teller,
		.fetch = fetch,
		.fetch_cancel = fetch_cancel,
		.ctx = w};
	int r = warm_source_open(&options, &w->source);

	w->shown.state = "reading";
	if (r < 0)
		rest(w, strerror(-r));
}

static void run_told(void *ctx, enum warm_event event, const char *text)
{
	struct warm *w = ctx;
	const struct warm_counts *counts = warm_run_counts(w->run);

	switch (event) {
	case WARM_LOCKED:
		feed(w, false);
		source_open(w);
		break;
	case WARM_TAKEN:
		if (w->by_hand)
			rest(w, "another prober is warming it");
		else
			feed(w, true);
		break;
	case WARM_WARMED:
		say(w, LOG_INFO, "warmed", "warmed by another prober");
		show(w, "done", counts->total, counts->total);
		stop(w);
		warmed(w);
		break;
	case WARM_PROGRESS:
		count_failed(w, counts);
		show(w, "running", counts->done, counts->total);
		break;
	case WARM_DONE:
		say_done(w, counts);
		show(w, "done", counts->total, counts->total);
		warmed(w);
		break;
	case WARM_LOST:
		if (w->stage == STAGE_OVER)
			stop(w);
		else
			rest(w, text);
		break;
	}
}

static int attempt(struct warm *w)
{
	struct cluster *c = w->cluster;
	struct warm_run_options options = {.links = &c->links,
		.host = probe_host(&c->probes[w->slot]),
		.id = w->id,
		.parallel = c->config->warm_up_parallel,
		.again = w->by_hand,
		.statement_ns = c->config->warm_up_statement_ms * LOOP_MS,
		.told = run_told,
		.keeper = keeper,
		.ctx = w};
	int r = -ENOTCONN;

	w->stage = STAGE_ACTIVE;
	show(w, "waiting", 0, 0);
	if (topology_login_addr(&c->topology, w->slot, &options.addr))
		r = warm_run_open(&options, &w->run);
	if (r < 0) {
		rest(w, r == -EACCES ? "there is no credential to log in with" : strerror(-r));
		return r;
	}
	if (admission_of(w) == PEL_ADMIT_NEW)
		admission_set(w, PEL_ADMIT_WARMING);
	return 0;
}

static struct warm *warm_new(struct cluster *c, unsigned slot)
{
	struct warm *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->cluster = c;
	w->slot = slot;
	w->first_ns = cluster_now(c);
	memcpy(w->id, c->topology.members[slot].id, sizeof(w->id));
	c->warms[slot] = w;
	return w;
}

static uint64_t timeout_ns(const struct warm *w)
{
	return w->by_hand ? LOOP_NEVER
			  : w->first_ns + w->cluster->config->warm_up_timeout_ms * LOOP_MS;
}

static void tick_active(struct warm *w, const struct topology_member *m, uint64_t now_ns)
{
	if (!m->live) {
		rest(w, "it does not answer");
	} else if (!w->by_hand && m->admission != PEL_ADMIT_WARMING) {
		say(w, LOG_INFO, "warm-up-ended", "the warm-up ends early: %s",
			m->role == PEL_ROLE_WRITER             ? "it is the writer now"
				: m->admission == PEL_ADMITTED ? "it is admitted"
							       : "it is held");
		show(w, "failed", 0, 0);
		warm_free(w);
	} else if (now_ns >= timeout_ns(w)) {
		give_up(w);
	}
}

static void tick(struct warm *w, uint64_t now_ns)
{
	struct cluster *c = w->cluster;
	const struct topology_member *m = topology_member(&c->topology, w->slot);

	if (!m || strcmp(m->id, w->id) != 0) {
		warm_free(w);
	} else if (w->stage == STAGE_ACTIVE) {
		tick_active(w, m, now_ns);
	} else if (w->stage == STAGE_OVER) {
		if (now_ns >= w->due_ns)
			warm_free(w);
	} else if (!topology_wants_warm(&c->topology, w->slot)) {
		if (m->admission == PEL_ADMITTED || m->admission_forced)
			warm_free(w);
	} else if (now_ns >= timeout_ns(w)) {
		give_up(w);
	} else if (now_ns >= w->due_ns) {
		(void)attempt(w);
	}
}

void cluster_warm_tick(struct cluster *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->warms[i])
			tick(c->warms[i], now_ns);
		if (!topology_wants_warm(&c->topology, i))
			continue;
		if (c->warms[i] && c->warms[i]->stage == STAGE_OVER)
			warm_free(c->warms[i]);
		if (!c->warms[i] && warm_new(c, i))
			(void)attempt(c->warms[i]);
	}
}

uint64_t cluster_warm_deadline(const struct cluster *c)
{
	uint64_t due = LOOP_NEVER;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct warm *w = c->warms[i];
		uint64_t own = !w                  ? LOOP_NEVER
			: w->stage == STAGE_ACTIVE ? timeout_ns(w)
			: w->stage == STAGE_OVER || topology_wants_warm(&c->topology, i)
			? w->due_ns
			: LOOP_NEVER;

		due = own < due ? own : due;
	}
	return due;
}

void cluster_warm_free(struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->warms[i])
			warm_free(c->warms[i]);
	}
	warm_memory_deinit(&c->warm_memory);
}

int cluster_warm(struct cluster *c, const char *id, const char *from)
{
	unsigned slot = topology_find(&c->topology, id);
	struct warm *w;

	if (slot == PEL_NONE)
		return -ENOENT;
	w = c->warms[slot];
	from = from ? from : c->config->warm_up;
	if (!from[0] || strlen(from) >= sizeof(w->from))
		return -EINVAL;
	if (!c->topology.members[slot].live)
		return -ENOTCONN;
	if (w && w->stage == STAGE_ACTIVE)
		return -EBUSY;
	if (w)
		warm_free(w);
	w = warm_new(c, slot);
	if (!w)
		return -ENOMEM;
	w->by_hand = true;
	strcpy(w->from, from);
	return attempt(w);
}

int cluster_warm_look(const struct cluster *c, const char *id, struct warm_shown *ret)
{
	unsigned slot = topology_find(&c->topology, id);

	if (slot == PEL_NONE)
		return -ENOENT;
	if (!c->warms[slot])
		return -ENODATA;
	*ret = c->warms[slot]->shown;
	return 0;
}
