/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's list of clusters: which sources each has, and the way back to the engine.
 *
 * A cluster whose configuration changed gets new sources; one whose did not keeps its own, so that
 * a reload loses no watch.
 */
#include "http/aws/cloud.h"
#include "http/fleet/fleet.h"
#include "http/http.h"
#include "http/notices.h"
#include "http/source_http.h"
#include "remote/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MS 10000

struct remote_cluster {
	char key[PEL_NAME_MAX];
	struct config_cluster config;
	struct http_cluster of; /* of the two above */
	struct source_http *source;
	struct cloud *cloud;
	struct fleet *fleet;
};

struct remote {
	struct loop *loop;
	struct log *log;
	struct http *http;
	struct remote_core core;
	struct notices *notices;
	struct remote_cluster *clusters[PEL_MAP_CLUSTERS];
};

static void stop_sources(struct remote_cluster *c)
{
	source_http_free(c->source);
	c->source = NULL;
	cloud_free(c->cloud);
	c->cloud = NULL;
	fleet_free(c->fleet);
	c->fleet = NULL;
}

static int start_sources(struct remote_cluster *c)
{
	int source = 0, cloud = 0, fleet = 0;

	if (c->config.source == CONFIG_SOURCE_HTTP && c->config.url[0])
		source = source_http_new(&c->of, &c->source);
	if (cloud_is_wanted(&c->config))
		cloud = cloud_new(&c->of, &c->cloud);
	if (c->config.publish[0])
		fleet = fleet_new(&c->of, &c->fleet);
	return source < 0 ? source : cloud < 0 ? cloud : fleet;
}

static void cluster_free(struct remote_cluster *c)
{
	if (!c)
		return;
	stop_sources(c);
	explicit_bzero(&c->config, sizeof(c->config));
	free(c);
}

static struct remote_cluster **find(struct remote *r, const char *key)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (r->clusters[i] && strcmp(r->clusters[i]->key, key) == 0)
			return &r->clusters[i];
	}
	return NULL;
}

static struct remote_cluster **make(struct remote *r, const char *key)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct remote_cluster *c;

		if (r->clusters[i])
			continue;
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		strcpy(c->key, key);
		c->of = (struct http_cluster){r->loop, r->http, r->log, &r->core, c->key,
			&c->config};
		r->clusters[i] = c;
		return &r->clusters[i];
	}
	return NULL;
}

static int remote_add(struct remote *r, const char *key, const struct config_cluster *config)
{
	struct remote_cluster **place = find(r, key), *c;

	if (strlen(key) >= PEL_NAME_MAX)
		return -EINVAL;
	/* Where in the file it says so does not matter. */
	if (place && memcmp(&(*place)->config, config, offsetof(struct config_cluster, lines)) == 0)
		return 0;
	if (!place)
		place = make(r, key);
	if (!place)
		return -ENOMEM;
	c = *place;
	stop_sources(c);
	c->config = *config;
	return start_sources(c);
}

static void remote_remove(struct remote *r, const char *key)
{
	struct remote_cluster **place = find(r, key);

	if (!place)
		return;
	cluster_free(*place);
	*place = NULL;
}

static void remote_close(struct remote *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++)
		cluster_free(r->clusters[i]);
	notices_free(r->notices);
	http_free(r->http);
	free(r);
}

static int remote_open(struct loop *loop, struct log *log, const struct remote_core *core,
	struct remote **ret)
{
	struct remote *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->log = log;
	r->core = *core;
	error = http_new(loop, &r->http);
	if (error == 0)
		error = notices_new(loop, r->http, log, &r->notices);
	if (error < 0) {
		http_free(r->http);
		free(r);
		return error;
	}
	*ret = r;
	return 0;
}

static void remote_configure(struct remote *r, const struct config *config)
{
	notices_configure(r->notices, config);
}

static void remote_denied(struct remote *r, const char *key)
{
	struct remote_cluster **place = find(r, key);

	if (place && (*place)->cloud)
		cloud_denied((*place)->cloud);
}

static int remote_token(struct remote *r, const char *key, const char *host, uint16_t port,
	const char *user, char *ret, size_t size)
{
	struct remote_cluster **place = find(r, key);

	if (!place || !(*place)->cloud)
		return -ENOENT;
	return cloud_token((*place)->cloud, host, port, user, ret, size);
}

struct remote_fetch {
	struct http_call *call;
	void (*done)(void *ctx, const struct remote_fetched *answer);
	void *ctx;
	bool conditional;
};

static void on_fetched(void *ctx, const struct http_answer *answer)
{
	struct remote_fetch *f = ctx;
	char buffer[64];
	struct remote_fetched told = {.body = answer->body ? answer->body : "",
		.size = answer->body ? answer->size : 0,
		.etag = answer->etag};

	told.unchanged = f->conditional && answer->error == 0 && answer->status == 304;
	if (!told.unchanged)
		told.problem = http_problem(answer, buffer, sizeof(buffer));
	f->done(f->ctx, &told);
	free(f);
}

static int remote_fetch(struct remote *r, const char *key, const char *url, const char *etag,
	void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret)
{
	struct remote_cluster **place = find(r, key);
	struct http_request request = {.url = url, .timeout_ms = FETCH_MS};
	struct remote_fetch *f;
	char condition[160];
	int e;

	if (!place)
		return -ENOENT;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct remote_fetch){.done = done, .ctx = ctx, .conditional = etag[0] != '\0'};
	request.headers_file = (*place)->config.headers_file;
	request.allow_http = (*place)->config.allow_http;
	request.tls = &(*place)->config.http_tls;
	if (f->conditional) {
		(void)snprintf(condition, sizeof(condition), "If-None-Match: %s", etag);
		request.headers[0] = condition;
	}
	e = http_start(r->http, &request, on_fetched, f, &f->call);
	if (e < 0)
		free(f);
	else
		*ret = f;
	return e;
}

static void remote_fetch_cancel(struct remote_fetch *fetch)
{
	http_cancel(fetch->call);
	free(fetch);
}

static void remote_published(struct remote *r, const char *key, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	struct remote_cluster **place = find(r, key);

	if (place && (*place)->fleet)
		fleet_publish((*place)->fleet, hot, cold);
	if (place && (*place)->cloud)
		cloud_changed((*place)->cloud);
}

static void remote_event(struct remote *r, const char *line)
{
	notices_take(r->notices, line);
}

__attribute__((visibility("default"))) extern const struct remote_ops pelorus_remote;

const struct remote_ops pelorus_remote = {
	.config_size = sizeof(struct config),
	.open = remote_open,
	.close = remote_close,
	.configure = remote_configure,
	.add = remote_add,
	.remove = remote_remove,
	.denied = remote_denied,
	.token = remote_token,
	.fetch = remote_fetch,
	.fetch_cancel = remote_fetch_cancel,
	.published = remote_published,
	.event = remote_event,
};
