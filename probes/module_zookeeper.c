/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's list of clusters that have a node of ZooKeeper for a source.
 *
 * A cluster whose configuration changed gets a new source; one whose did not keeps its own.
 */
#include "net/resolve.h"
#include "remote/remote.h"
#include "zookeeper/source_zookeeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct followed {
	struct followed *next;
	char key[PEL_NAME_MAX];
	struct config_cluster config;
	struct http_cluster of; /* of the two above */
	struct source_zookeeper *source;
};

struct remote {
	struct loop *loop;
	struct log *log;
	struct remote_core core;
	struct resolver *resolver;
	struct followed *first;
};

static struct followed **find(struct remote *r, const char *key)
{
	struct followed **at = &r->first;

	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

static void end(struct followed **at)
{
	struct followed *f = *at;

	*at = f->next;
	source_zookeeper_free(f->source);
	explicit_bzero(&f->config, sizeof(f->config));
	free(f);
}

static void remote_remove(struct remote *r, const char *key)
{
	struct followed **at = find(r, key);

	if (*at)
		end(at);
}

static int begin(struct remote *r, const char *key, const struct config_cluster *config)
{
	struct followed *f = calloc(1, sizeof(*f));
	int e;

	if (!f)
		return -ENOMEM;
	strcpy(f->key, key);
	f->config = *config;
	f->of = (struct http_cluster){r->loop, NULL, r->log, &r->core, f->key, &f->config};
	f->next = r->first;
	r->first = f;
	e = source_zookeeper_new(&f->of, r->resolver, &f->source);
	if (e < 0)
		end(&r->first);
	return e;
}

static int remote_add(struct remote *r, const char *key, const struct config_cluster *config)
{
	struct followed *known = *find(r, key);

	if (strlen(key) >= PEL_NAME_MAX)
		return -EINVAL;
	/* Where in the file it says so does not matter. */
	if (known && memcmp(&known->config, config, offsetof(struct config_cluster, lines)) == 0)
		return 0;
	remote_remove(r, key);
	if (config->source != CONFIG_SOURCE_ZOOKEEPER || !config->url[0])
		return 0;
	return begin(r, key, config);
}

static void remote_close(struct remote *r)
{
	while (r->first)
		end(&r->first);
	resolver_free(r->resolver);
	free(r);
}

static int remote_open(struct loop *loop, struct log *log, const struct remote_core *core,
	struct remote **ret)
{
	struct remote *r = calloc(1, sizeof(*r));
	int e = r ? resolver_new(loop, NULL, &r->resolver) : -ENOMEM;

	if (e < 0) {
		free(r);
		return e;
	}
	r->loop = loop;
	r->log = log;
	r->core = *core;
	*ret = r;
	return 0;
}

__attribute__((visibility("default"))) extern const struct remote_ops pelorus_remote;

const struct remote_ops pelorus_remote = {
	.config_size = sizeof(struct config),
	.open = remote_open,
	.close = remote_close,
	.add = remote_add,
	.remove = remote_remove,
};
