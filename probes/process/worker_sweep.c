/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients' slots, looked at every few seconds, and a second after anything happened: then
 * connections are ended, and all who ended some are told of in one event for each cluster.  In the same
 * round goes what nobody wants any more, and what turned out to be no password.
 *
 * How many connections there are, and how many connects wait for a writer, is counted more often: it
 * decides how gently all of them come back.
 */
#include "worker_internal.h"

#include "channel.h"
#include "keep.h"
#include "base/secret.h"
#include "cluster/cluster.h"

#include <string.h>
#include <time.h>

#define SWEEP_NS (5 * LOOP_S)
#define SOON_NS LOOP_S
#define COUNT_NS LOOP_S
#define COUNT_WRITERLESS_NS (LOOP_S / 4)

/* What was severed since the sweep before. */
struct severed {
	struct {
		const char *cluster; /* NULL: by processes that follow more than one */
		uint64_t connections;
		unsigned processes;
	} rows[PEL_MAP_CLUSTERS + 1];
	unsigned n;
};

struct sweep {
	struct worker *w;
	struct severed severed;
};

static void on_wanted(void *ctx, uint64_t hash, bool used)
{
	struct worker *w = ((struct sweep *)ctx)->w;
	const char *name;
	struct cluster *c = engine_find_hash(w->engine, hash, &name);

	if (!c)
		return;
	if (used)
		cluster_used(c);
	/* Who found it in the map, where it came with another name, has not told us. */
	if (!follows_want(w->follows, hash, loop_now_ns(w->loop)))
		worker_want(w, name);
}

/* A process counts what it does, not where: that is known if all its names are of one cluster. */
static struct cluster *cluster_of(const struct engine *e,
	const uint64_t names[static PEL_SLOT_NAMES])
{
	struct cluster *cluster = NULL;

	for (unsigned i = 0; i < PEL_SLOT_NAMES && names[i]; i++) {
		const char *name;
		struct cluster *c = engine_find_hash(e, names[i], &name);

		if (!c || (cluster && c != cluster))
			return NULL;
		cluster = c;
	}
	return cluster;
}

static void severed_add(struct severed *s, const char *cluster, uint32_t connections)
{
	unsigned i = 0;

	while (i < s->n && s->rows[i].cluster != cluster)
		i++;
	if (i == s->n)
		s->rows[s->n++].cluster = cluster;
	s->rows[i].connections += connections;
	s->rows[i].processes++;
}

static void on_news(void *ctx, const uint64_t names[static PEL_SLOT_NAMES],
	const struct slots_news *news)
{
	struct sweep *sweep = ctx;
	struct cluster *c = cluster_of(sweep->w->engine, names);
	struct cluster_waits *waits = c ? cluster_waits(c) : NULL;

	if (news->severed)
		severed_add(&sweep->severed, c ? cluster_name(c) : NULL, news->severed);
	if (!waits)
		return;
	waits->waited += news->waited;
	waits->given_up += news->given_up;
	if (waits->longest_ms < news->longest_ms)
		waits->longest_ms = news->longest_ms;
}

static void on_seen(void *ctx, uint64_t hash, const char command[static 16],
	const struct pel_slot_seen *seen)
{
	struct worker *w = ((struct sweep *)ctx)->w;
	const char *name;
	struct cluster *c = engine_find_hash(w->engine, hash, &name);
	const struct pel_history_counts counts = {.elsewhere = seen->elsewhere,
		.wrong = seen->wrong,
		.held = seen->held,
		.severed = seen->severed,
		.moved = seen->moved};

	if (c)
		history_add(w->history, time(NULL), cluster_name(c), *command ? command : "-",
			&counts);
}

static void failovers_note(struct worker *w)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = engine_cluster(w->engine, i);
		const struct pel_history_counts counts = {
			.failovers = c ? cluster_take_failovers(c) : 0};

		if (counts.failovers)
			history_add(w->history, time(NULL), cluster_name(c), "", &counts);
	}
}

static void severed_tell(struct worker *w, const struct severed *s)
{
	for (unsigned i = 0; i < s->n; i++)
		log_event(w->log, LOG_INFO, "severed", s->rows[i].cluster, NULL,
			"%llu connection%s ended in %u process%s",
			(unsigned long long)s->rows[i].connections,
			s->rows[i].connections == 1 ? " was" : "s were", s->rows[i].processes,
			s->rows[i].processes == 1 ? "" : "es");
}

void worker_unfollow(struct worker *w, const char *name)
{
	char message[PEL_NAME_MAX + 16] = "forget\n";

	follows_drop(w->follows, name);
	engine_unfollow(w->engine, name);
	if (pel_control_put(message, sizeof(message), "name", name) == 0)
		(void)channel_say(w->o->channel, message);
	keep_forget(w->o->keep, name);
}

static void unwanted_drop(struct worker *w, uint64_t now_ns)
{
	const char *name;

	while ((name = follows_expire(w->follows, now_ns)))
		worker_unfollow(w, name);
}

/* Of a request, which is changed: whether its credential was refused, and another one let in. */
static bool is_useless(const struct worker *w, char *request, size_t size)
{
	struct control_request parsed;
	const char *why, *name, *user, *password;
	char normal[PEL_NAME_MAX];
	const struct cluster *c;

	if (control_parse(request, size, &parsed, &why) < 0)
		return false;
	name = control_get(&parsed, "name");
	user = control_get(&parsed, "user");
	password = control_get(&parsed, "password");
	c = name && user && *user ? engine_find(w->engine, name, normal) : NULL;
	return c && cluster_is_useless(c, user, password ? password : "");
}

/* Its name stays: perhaps nobody else has told it. */
static void credential_drop(struct worker *w, const char *message, char *request, size_t size)
{
	struct control_request parsed;
	const char *why;

	(void)channel_send(w->o->channel, message, strlen(KEEP_DROP) + size);
	keep_drop(w->o->keep, request, size);
	if (control_parse(request, size, &parsed, &why) == 0)
		worker_keep_bare(w, &parsed);
}

/* Else a new worker would try old passwords first, each of them at its rest's expense. */
static void useless_drop(struct worker *w)
{
	const size_t head = strlen(KEEP_DROP);
	char *message = secret_alloc(head + PEL_CONTROL_MAX + 1), *copy = message + head;
	size_t at = 0, from = 0, n;
	const char *request;

	while (message && (request = keep_next(w->o->keep, &at, &n))) {
		memcpy(copy, request, n);
		copy[n] = '\0';
		if (is_useless(w, copy, n)) {
			memcpy(message, KEEP_DROP, head);
			memcpy(copy, request, n);
			credential_drop(w, message, copy, n);
			at = from;
		}
		from = at;
	}
	secret_free(message, head + PEL_CONTROL_MAX + 1);
}

static void idle_look(struct worker *w, uint64_t now_ns)
{
	uint64_t requests = control_counters(w->control)->requests;

	if (w->clients.live || requests != w->requests || control_connections(w->control) ||
		follows_any_permanent(w->follows) || w->o->options->foreground)
		w->busy_ns = now_ns;
	w->requests = requests;
	if (now_ns - w->busy_ns < w->config->idle_exit_ms * LOOP_MS)
		return;
	log_say(w->log, LOG_INFO, "idle", NULL, NULL, "nobody has needed the prober for %u s",
		w->config->idle_exit_ms / 1000);
	loop_stop(w->loop, WORKER_STOPPED);
}

/* Often enough that a short idle-exit means what it says. */
static uint64_t sweep_ns(const struct worker *w)
{
	uint64_t half_ns = w->config->idle_exit_ms * LOOP_MS / 2;

	return half_ns < SWEEP_NS ? half_ns : SWEEP_NS;
}

static void on_sweep(void *ctx)
{
	struct worker *w = ctx;
	struct sweep sweep = {.w = w};
	const struct slots_listener listener = {.wants = on_wanted,
		.news = on_news,
		.seen = on_seen,
		.ctx = &sweep};
	uint64_t now_ns = loop_now_ns(w->loop);

	if (!w->slots || !slots_sweep(w->slots, now_ns, &listener, &w->clients))
		(void)slots_open(w->o->station->dirfd, station_write_mode(w->o->station),
			&w->slots);
	failovers_note(w);
	severed_tell(w,
		&sweep.severed); /* its rows point into clusters, which the next line may free */
	unwanted_drop(w, now_ns);
	useless_drop(w);
	idle_look(w, now_ns);
	loop_timer_set_in(w->loop, &w->sweep, sweep_ns(w));
}

static void on_held(void *ctx, const uint64_t names[static PEL_SLOT_NAMES], uint32_t n)
{
	struct worker *w = ctx;
	struct cluster *c = cluster_of(w->engine, names);
	struct cluster_waits *waits = c ? cluster_waits(c) : NULL;

	w->held += n;
	if (!waits)
		return;
	waits->held += n;
	waits->programs++;
	if (waits->most < waits->held) {
		waits->most = waits->held;
		waits->most_programs = waits->programs;
	}
}

static void on_count(void *ctx)
{
	struct worker *w = ctx;
	bool writerless = engine_count_anew(w->engine);

	w->held = 0;
	if (w->slots)
		engine_crowd(w->engine, slots_crowd(w->slots, on_held, w));
	loop_timer_set_in(w->loop, &w->count, writerless ? COUNT_WRITERLESS_NS : COUNT_NS);
}

void worker_sweep_start(struct worker *w)
{
	loop_timer_init(&w->count, on_count, w);
	loop_timer_set_in(w->loop, &w->count, 0);
	loop_timer_init(&w->sweep, on_sweep, w);
	loop_timer_set_in(w->loop, &w->sweep, 0);
}

void worker_sweep_soon(struct worker *w)
{
	uint64_t soon_ns = loop_now_ns(w->loop) + SOON_NS;

	if (loop_timer_is_set(&w->sweep) && w->sweep.at_ns > soon_ns)
		loop_timer_set(w->loop, &w->sweep, soon_ns);
	/* A writer may be lost, and be back before the next count. */
	soon_ns = loop_now_ns(w->loop) + COUNT_WRITERLESS_NS;
	if (loop_timer_is_set(&w->count) && w->count.at_ns > soon_ns)
		loop_timer_set(w->loop, &w->count, soon_ns);
}
