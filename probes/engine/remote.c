/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks HTTP (remote/remote.h), as the engine uses it: loaded when it is first wanted. */
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

static void on_fleet(void *ctx, const char *key, enum remote_fleet fleet)
{
	struct cluster *c = engine_find_key(ctx, key);

	if (c)
		cluster_take_fleet(c, fleet);
}

static void load(struct engine *e)
{
	const struct remote_core core = {.named = on_named,
		.listed = on_listed,
		.credential = on_credential,
		.tokens = on_tokens,
		.fleet = on_fleet,
		.ctx = e};
	char error[256] = "";
	int r = remote_module_load(&e->remote, e->shared.loop, e->shared.log, &core, error,
		sizeof(error));

	if (r < 0)
		log_event(e->shared.log, LOG_ERROR, "http-missing", NULL, NULL,
			"nothing that speaks HTTP works: %s", error[0] ? error : strerror(-r));
	if (e->options.events && events_told(e->options.events) == EVENTS_UNTOLD)
		events_set_told(e->options.events, events_last(e->options.events));
}

void engine_remote_configure(struct engine *e)
{
	if (!e->remote.remote && !e->remote.ops && remote_is_wanted(e->config))
		load(e);
	remote_module_configure(&e->remote, e->config);
	engine_event_added(e); /* what an earlier worker did not live to tell */
}

void engine_event_added(struct engine *e)
{
	char line[EVENTS_LINE_MAX];
	uint64_t seq;

	while (e->remote.remote && e->options.events &&
		(seq = events_next(e->options.events, events_told(e->options.events), line)) != 0) {
		events_set_told(e->options.events, seq);
		remote_module_event(&e->remote, line);
	}
}
