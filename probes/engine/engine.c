/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: the list of followed clusters, and the map's heartbeat.
 *
 * Whose a name is: a section of the configuration that mentions it; else its form (the writer and
 * reader endpoints of one Aurora cluster share a key); else where its aliases lead, for which the
 * first answer of DNS is awaited; else it is a cluster of its own.
 */
#include "internal.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_NS LOOP_S

static struct cluster *find_by_key(struct engine *e, const char *key)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] && strcmp(e->clusters[i]->key, key) == 0)
			return e->clusters[i];
	}
	return NULL;
}

struct cluster *engine_find(struct engine *e, const char *name)
{
	char normal[PEL_NAME_MAX];

	if (pel_name_normalise(name, normal) < 0)
		return NULL;
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] && cluster_find_name(e->clusters[i], normal))
			return e->clusters[i];
	}
	return NULL;
}

/* A custom endpoint belongs to the one cluster whose instances live in the same domain. */
static struct cluster *find_by_domain(struct engine *e, const char *name)
{
	const char *domain = pel_name_instance_domain(name);
	struct cluster *found = NULL;

	for (unsigned i = 0; domain && i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c || strcmp(c->topology.config.domain, domain) != 0)
			continue;
		if (found)
			return NULL;
		found = c;
	}
	return found;
}

static const struct config_cluster *section_of(const struct engine *e, const char *name)
{
	const struct config_cluster *section = config_find_cluster(e->config, name);

	return section ? section : &e->config->defaults;
}

static int cluster_make(struct engine *e, const char *name, const char *key, uint16_t port,
	struct cluster **ret)
{
	int r;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i])
			continue;
		r = cluster_new(e, name, key, section_of(e, name), port, &e->clusters[i]);
		if (r == 0)
			*ret = e->clusters[i];
		return r;
	}
	return -ENOSPC;
}

/* The names that a section or the form adds to the one that is followed. */
static void add_sisters(struct cluster *c, const char *key)
{
	char text[PEL_NAME_MAX];
	const char *domain = pel_name_instance_domain(key);

	if (c->config->endpoint[0])
		(void)cluster_add_name(c, c->config->endpoint, PEL_ROLE_WRITER, 0);
	if (c->config->reader_endpoint[0])
		(void)cluster_add_name(c, c->config->reader_endpoint, PEL_ROLE_READER, 0);
	if (pel_name_kind(key) != PEL_KIND_WRITER)
		return;
	(void)cluster_add_name(c, key, PEL_ROLE_WRITER, 0);
	if (snprintf(text, sizeof(text), "%.*s.cluster-ro-%s", (int)strcspn(key, "."), key,
		    domain) < (int)sizeof(text))
		(void)cluster_add_name(c, text, PEL_ROLE_READER, 0);
}

/*
 * A lookup often comes without a port, the connect that follows knows it: as long as no member is
 * known, the newest word counts.
 */
static void learn_port(struct cluster *c, uint16_t port)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (c->topology.members[i].used)
			return;
	}
	if (port == 0 || port == c->topology.config.port)
		return;
	c->topology.config.port = port;
	c->scout_due_ns = 0;
}

/* Puts a name to the cluster of that key, made if there is none. */
static int attach(struct engine *e, const char *name, const char *key, enum pel_role role,
	uint16_t port, const struct credential *credential)
{
	struct cluster *c = find_by_key(e, key);
	int r = 0;

	if (!c && role == PEL_ROLE_CUSTOM)
		c = find_by_domain(e, name);
	if (!c)
		r = cluster_make(e, name, key, port, &c);
	if (r < 0)
		return r;
	if (strcmp(name, c->config->reader_endpoint) == 0)
		role = PEL_ROLE_READER;
	r = cluster_add_name(c, name, role, port);
	if (r < 0)
		return r;
	c->names[r].wanted = true;
	learn_port(c, port);
	add_sisters(c, key);
	if (credential && credentials_add(c->links.credentials, credential) == 1)
		c->scout_due_ns = 0;
	cluster_kick(c);
	return 0;
}

static void pending_free(struct pending *p)
{
	resolve_cancel(p->query);
	if (p->credential)
		explicit_bzero(p->credential, sizeof(*p->credential));
	free(p->credential);
	free(p);
}

/* An own name: its aliases tell whose it is. */
static void pending_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct pending *p = ctx;
	struct engine *e = p->engine;
	char key[PEL_NAME_MAX];
	enum pel_role role = PEL_ROLE_WRITER;
	bool found = false;

	p->query = NULL;
	for (unsigned i = 0; i < answer->n_chain && !found; i++)
		found = name_key(answer->chain[i], key, &role) || role == PEL_ROLE_CUSTOM;
	if (!found) {
		strcpy(key, p->text);
		role = PEL_ROLE_WRITER;
	}
	if (attach(e, p->text, key, role, p->port, p->credential) < 0)
		log_say(e->log, LOG_ERROR, "follow-failed", p->text, NULL,
			"no room for another cluster or name");
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->pending[i] == p)
			e->pending[i] = NULL;
	}
	pending_free(p);
}

static int pending_start(struct engine *e, const char *name, uint16_t port,
	const struct credential *credential)
{
	struct pending *p, **place = NULL;
	int r;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->pending[i] && strcmp(e->pending[i]->text, name) == 0)
			return 0;
		if (!e->pending[i] && !place)
			place = &e->pending[i];
	}
	p = place ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return -ENOSPC;
	p->engine = e;
	p->port = port;
	strcpy(p->text, name);
	if (credential) {
		p->credential = malloc(sizeof(*p->credential));
		if (p->credential)
			*p->credential = *credential;
	}
	r = resolve_start(e->resolver, name, pending_resolved, p, &p->query);
	if (r < 0) {
		pending_free(p);
		return r;
	}
	*place = p;
	return 0;
}

int engine_follow(struct engine *e, const char *name, uint16_t port,
	const struct credential *credential)
{
	const struct config_cluster *section;
	char normal[PEL_NAME_MAX], key[PEL_NAME_MAX];
	enum pel_role role;
	struct cluster *c;
	bool keyed;

	if (pel_name_normalise(name, normal) < 0)
		return -EINVAL;
	switch (pel_name_kind(normal)) {
	case PEL_KIND_PROXY:
	case PEL_KIND_SHARDS:
	case PEL_KIND_INSTANCE:
		return -ENOTSUP;
	default:
		break;
	}
	c = engine_find(e, normal);
	if (c)
		return attach(e, normal, c->key,
			(enum pel_role)c->topology.names[cluster_find_name(c, normal)->index].role,
			port, credential);
	keyed = name_key(normal, key, &role) || role == PEL_ROLE_CUSTOM;
	section = config_find_cluster(e->config, normal);
	if (section && section->endpoint[0]) {
		enum pel_role ignored;

		(void)name_key(section->endpoint, key, &ignored);
		keyed = true;
	}
	if (!keyed)
		return pending_start(e, normal, port, credential);
	return attach(e, normal, key, role, port, credential);
}

static bool is_wanted(const struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (c->names[i].used && c->names[i].wanted)
			return true;
	}
	return c->config != &c->engine->config->defaults;
}

static void forget(struct engine *e, struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] == c)
			e->clusters[i] = NULL;
	}
	cluster_free(c, true);
}

void engine_unfollow(struct engine *e, const char *name)
{
	struct cluster *c = engine_find(e, name);
	char normal[PEL_NAME_MAX];

	if (!c || pel_name_normalise(name, normal) < 0)
		return;
	cluster_find_name(c, normal)->wanted = false;
	if (!is_wanted(c))
		forget(e, c);
}

/* The sections with an endpoint are followed without being asked for. */
static void follow_configured(struct engine *e)
{
	for (unsigned i = 0; i < e->config->n_clusters; i++) {
		const struct config_cluster *section = &e->config->clusters[i];

		if (section->endpoint[0])
			(void)engine_follow(e, section->endpoint, section->port, NULL);
	}
}

int engine_reload(struct engine *e, const struct config *config)
{
	e->config = config;
	engine_remote_configure(e);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c)
			continue;
		(void)cluster_configure(c, section_of(e, c->names[0].text));
		cluster_credentials_load(c);
		if (!is_wanted(c))
			forget(e, c);
	}
	follow_configured(e);
	return 0;
}

/* The same server is the writer of both: names that nobody could know to lead to one cluster. */
static bool is_same_cluster(const struct cluster *a, const struct cluster *b)
{
	const struct topology_member *wa = topology_member(&a->topology, a->topology.writer);
	const struct topology_member *wb = topology_member(&b->topology, b->topology.writer);

	return wa && wb && wa->live && wb->live && wa->uuid[0] && strcmp(wa->uuid, wb->uuid) == 0 &&
		strcmp(wa->id, wb->id) == 0 && a->config == b->config;
}

/* The names of `from` move to `to`, if all of them fit. */
static void merge(struct engine *e, struct cluster *to, struct cluster *from)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct name_watch *n = &from->names[i];
		const struct topology_name *t = &from->topology.names[i];
		int at;

		if (!n->used)
			continue;
		at = cluster_add_name(to, n->text, (enum pel_role)t->role, t->port);
		if (at < 0)
			return;
		to->names[at].wanted |= n->wanted;
	}
	log_event(e->log, LOG_INFO, "clusters-merged", to->names[0].text, NULL,
		"%s leads to the same cluster", from->names[0].text);
	forget(e, from);
}

static void merge_all(struct engine *e)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		for (unsigned k = i + 1; k < PEL_MAP_CLUSTERS; k++) {
			if (e->clusters[i] && e->clusters[k] &&
				is_same_cluster(e->clusters[i], e->clusters[k]))
				merge(e, e->clusters[i], e->clusters[k]);
		}
	}
}

static void beat(void *ctx)
{
	struct engine *e = ctx;
	uint64_t now = loop_now_ns(e->loop);
	int r = map_write_beat(e->map, now);

	if (r == 1)
		log_event(e->log, LOG_WARNING, "map-replaced", NULL, NULL,
			"the map was deleted or replaced, and is published anew");
	else if (r < 0)
		log_say(e->log, LOG_ERROR, "map-lost", NULL, NULL,
			"the map is gone and cannot be published anew: %s", strerror(-r));
	/*
	 * The configuration and what the supervisor kept were taken up before the first beat.  What an
	 * earlier prober left beyond that is kept by nobody: its clients must tell us of it anew.
	 */
	map_write_drop_unclaimed(e->map);
	merge_all(e);
	loop_timer_set(e->loop, &e->beat, now + BEAT_NS);
}

int engine_new(const struct engine_options *options, struct engine **ret)
{
	const struct config_net *net = &options->config->virtual_net;
	struct map_write_options map = {.mode = options->map_mode,
		.vnet4 = net->v4,
		.vnet4_bits = net->v4_bits,
		.vnet6_bits = net->v6_bits};
	struct engine *e = calloc(1, sizeof(*e));
	uint64_t now_ns;
	int r;

	if (!e)
		return -ENOMEM;
	e->options = *options;
	e->loop = options->loop;
	e->log = options->log;
	e->config = options->config;
	now_ns = loop_now_ns(e->loop);
	memcpy(map.vnet6, net->v6, sizeof(map.vnet6));
	loop_timer_init(&e->beat, beat, e);
	r = resolver_new(e->loop, NULL, &e->resolver);
	if (r == 0)
		r = map_write_open(options->dirfd, &map, now_ns, &e->map);
	if (r < 0) {
		engine_free(e, true);
		return r;
	}
	loop_timer_set(e->loop, &e->beat, now_ns);
	engine_remote_configure(e);
	follow_configured(e);
	*ret = e;
	return 0;
}

void engine_free(struct engine *e, bool orderly)
{
	if (!e)
		return;
	loop_timer_stop(e->loop, &e->beat);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->pending[i])
			pending_free(e->pending[i]);
		cluster_free(e->clusters[i], false);
	}
	remote_module_close(&e->remote);
	map_write_close(e->map, orderly);
	resolver_free(e->resolver);
	free(e);
}

bool engine_is_idle(const struct engine *e)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] || e->pending[i])
			return false;
	}
	return true;
}
