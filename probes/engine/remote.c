/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks HTTP or ZooKeeper (remote/remote.h), as the engine uses it: loaded when it is first
 * wanted. */
#include "internal.h"

#include <string.h>

static void on_named(void *ctx, const char *key, const struct coordinator_view *view)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_words(c, view);
}

static void on_listed(void *ctx, const char *key, const struct rds_view *view)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_list(c, view);
}

static void on_credential(void *ctx, const char *key, const struct credential *credential)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_credential(c, credential);
}

static void on_tokens(void *ctx, const char *key)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_tokens(c);
}

static void on_fleet(void *ctx, const char *key, enum remote_fleet fleet,
	const struct coordinator_view *said)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_fleet(c, fleet, said);
}

static const struct {
	const char *code, *text;
} missing[] = {
	[REMOTE_HTTP] = {"http-missing", "nothing that speaks HTTP works"},
	[REMOTE_ZOOKEEPER] = {"zookeeper-missing", "no ZooKeeper is asked"},
};

static void load(struct engine *e, enum remote_kind kind)
{
	const struct remote_core core = {.named = on_named,
		.listed = on_listed,
		.credential = on_credential,
		.tokens = on_tokens,
		.fleet = on_fleet,
		.ctx = e};
	char error[256] = "";
	int r = remote_module_load(&e->remote, kind, e->shared.loop, e->shared.log, &core, error,
		sizeof(error));

	if (r < 0)
		log_event(e->shared.log, LOG_ERROR, missing[kind].code, NULL, NULL, "%s: %s",
			missing[kind].text, error[0] ? error : strerror(-r));
	if (kind == REMOTE_HTTP && e->options.events &&
		events_told(e->options.events) == EVENTS_UNTOLD)
		events_set_told(e->options.events, events_last(e->options.events));
}

void engine_remote_configure(struct engine *e)
{
	for (unsigned i = 0; i < REMOTE_KINDS; i++) {
		if (!e->remote.parts[i].ops && remote_is_wanted(e->config, i))
			load(e, i);
	}
	remote_module_configure(&e->remote, e->config);
	engine_event_added(e); /* what an earlier worker did not live to tell */
}

void engine_event_added(struct engine *e)
{
	char line[EVENTS_LINE_MAX];
	uint64_t seq;

	while (e->remote.parts[REMOTE_HTTP].remote && e->options.events &&
		(seq = events_next(e->options.events, events_told(e->options.events), line)) != 0) {
		events_set_told(e->options.events, seq);
		remote_module_event(&e->remote, line);
	}
}
