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

struct cluster *engine_find_key(struct engine *e, const char *key)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] && strcmp(cluster_key(e->clusters[i]), key) == 0)
			return e->clusters[i];
	}
	return NULL;
}

/* The cluster of a name in normal form. */
static struct cluster *find_normal(const struct engine *e, const char *name)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] && cluster_has_name(e->clusters[i], name))
			return e->clusters[i];
	}
	return NULL;
}

struct cluster *engine_find(const struct engine *e, const char *name,
	char ret_normal[static PEL_NAME_MAX])
{
	return pel_name_normalise(name, ret_normal) < 0 ? NULL : find_normal(e, ret_normal);
}

/* A custom endpoint belongs to the one cluster whose instances live in the same domain. */
static struct cluster *find_by_domain(struct engine *e, const char *name)
{
	const char *domain = pel_name_instance_domain(name);
	struct cluster *found = NULL;

	for (unsigned i = 0; domain && i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c || !cluster_is_in(c, domain))
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

/* That of its first name; or of another, of which there was none when the cluster was made. */
static const struct config_cluster *section_for(const struct engine *e, const struct cluster *c)
{
	const struct config_cluster *s = config_find_cluster(e->config, cluster_name(c));

	if (s && cluster_has_name(c, s->endpoint))
		return s;
	for (unsigned i = 0; i < e->config->n_clusters; i++) {
		s = &e->config->clusters[i];
		if (cluster_has_name(c, s->endpoint))
			return s;
	}
	return &e->config->defaults;
}

static int cluster_make(struct engine *e, const char *name, const char *key, uint16_t port,
	struct cluster **ret)
{
	int r;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i])
			continue;
		r = cluster_new(&e->shared, name, key, section_of(e, name), port, &e->clusters[i]);
		if (r == 0)
			*ret = e->clusters[i];
		return r;
	}
	return -ENOSPC;
}

/* The cluster of that key for a name, made if there is none. */
static int cluster_for(struct engine *e, const char *name, const char *key, enum pel_role role,
	uint16_t port, struct cluster **ret)
{
	*ret = engine_find_key(e, key);
	if (!*ret && role == PEL_ROLE_CUSTOM)
		*ret = find_by_domain(e, name);
	return *ret ? 0 : cluster_make(e, name, key, port, ret);
}

int engine_attach(struct engine *e, const char *name, const char *key, enum pel_role role,
	uint16_t port, const struct credential *credential)
{
	struct cluster *c;
	int r = cluster_for(e, name, key, role, port, &c);

	if (r == 0)
		r = cluster_follow(c, name, role, port, key, credential);
	engine_switches_apply(e);
	return r;
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
	c = find_normal(e, normal);
	if (c)
		return cluster_follow(c, normal, cluster_role_of(c, normal), port, cluster_key(c),
			credential);
	keyed = name_key(normal, key, &role) || role == PEL_ROLE_CUSTOM;
	section = config_find_cluster(e->config, normal);
	if (section && section->endpoint[0]) {
		enum pel_role ignored;

		(void)name_key(section->endpoint, key, &ignored);
		keyed = true;
	}
	if (!keyed)
		return pending_start(e, normal, port, credential);
	return engine_attach(e, normal, key, role, port, credential);
}

bool engine_has_port(const struct engine *e, const char *name)
{
	const struct cluster *c = find_normal(e, name);

	return section_of(e, name)->port || (c && cluster_has_port(c));
}

static bool is_wanted(const struct engine *e, const struct cluster *c)
{
	return cluster_is_followed(c) || cluster_config(c) != &e->config->defaults;
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
	char normal[PEL_NAME_MAX];
	struct cluster *c = engine_find(e, name, normal);

	if (!c)
		return;
	cluster_unfollow(c, normal);
	if (!is_wanted(e, c))
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

/* A section has another endpoint now: its own name goes there. */
static void move_configured(struct engine *e)
{
	for (unsigned i = 0; i < e->config->n_clusters; i++) {
		const struct config_cluster *s = &e->config->clusters[i];
		struct cluster *from = find_normal(e, s->name), *to = find_normal(e, s->endpoint);

		if (!from || !to || from == to)
			continue;
		if (cluster_move_name(from, to, s->name, PEL_ROLE_WRITER) == 0 &&
			!is_wanted(e, from))
			forget(e, from);
	}
}

int engine_reload(struct engine *e, const struct config *config)
{
	if (memcmp(&config->virtual_net, &e->config->virtual_net, sizeof(config->virtual_net)) != 0)
		log_say(e->shared.log, LOG_WARNING, "virtual-net-kept", NULL, NULL,
			"virtual-net is another now: that is taken up at the next start, for programs "
			"have addresses of the old one");
	e->config = config;
	engine_remote_configure(e);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c)
			continue;
		cluster_reload(c, section_for(e, c));
		if (!is_wanted(e, c))
			forget(e, c);
	}
	follow_configured(e);
	move_configured(e);
	engine_switches_apply(e);
	return 0;
}

static bool is_endpoint(const struct cluster *c)
{
	return pel_name_kind(cluster_key(c)) == PEL_KIND_WRITER;
}

/* Names that nobody could know to go together; an endpoint stays with the cluster that it is of. */
static void merge_two(struct engine *e, struct cluster *a, struct cluster *b)
{
	struct cluster *to = is_endpoint(b) ? b : a, *from = to == a ? b : a;

	if (cluster_is_same(a, b) && !is_endpoint(from) && cluster_merge(to, from))
		forget(e, from);
}

static void merge_all(struct engine *e)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		for (unsigned k = i + 1; k < PEL_MAP_CLUSTERS; k++) {
			if (e->clusters[i] && e->clusters[k])
				merge_two(e, e->clusters[i], e->clusters[k]);
		}
	}
}

static int move_to(struct engine *e, struct cluster *from, const char *name, const char *key,
	enum pel_role role)
{
	struct cluster *to;
	int r = cluster_for(e, name, key, role, cluster_port(from), &to);

	return r < 0 || to == from ? r : cluster_move_name(from, to, name, role);
}

/*
 * A name goes where DNS has led it: to the cluster of that endpoint, else to one of its own, also where
 * that cluster has no room for it.
 */
static void move_one(struct engine *e, struct cluster *from, const char *name, const char *alias)
{
	char key[PEL_NAME_MAX];
	enum pel_role role;

	(void)name_key(alias[0] ? alias : name, key, &role);
	if (move_to(e, from, name, key, role) == 0 || move_to(e, from, name, name, role) == 0)
		return;
	log_say(e->shared.log, LOG_ERROR, "follow-failed", name, NULL,
		"no room for another cluster or name");
	cluster_lose_name(from, name);
}

static void move_all(struct engine *e)
{
	char name[PEL_NAME_MAX], alias[PEL_NAME_MAX];

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		unsigned at = 0;

		while (e->clusters[i] && cluster_leaver(e->clusters[i], &at, name, alias)) {
			move_one(e, e->clusters[i], name, alias);
			if (!is_wanted(e, e->clusters[i]))
				forget(e, e->clusters[i]);
		}
	}
}

static void on_left(void *ctx)
{
	struct engine *e = ctx;

	loop_timer_set(e->shared.loop, &e->beat, 0);
}

static void beat(void *ctx)
{
	struct engine *e = ctx;
	uint64_t now = loop_now_ns(e->shared.loop);
	int r = map_write_beat(e->shared.map, now);

	if (r == 1)
		log_event(e->shared.log, LOG_WARNING, "map-replaced", NULL, NULL,
			"the map was deleted or replaced, and is published anew");
	else if (r < 0)
		log_say(e->shared.log, LOG_ERROR, "map-lost", NULL, NULL,
			"the map is gone and cannot be published anew: %s", strerror(-r));
	/*
	 * The configuration and what the supervisor kept were taken up before the first beat.  What an
	 * earlier prober left beyond that is kept by nobody, once DNS has said whose all names are: its
	 * clients must tell us of it anew.
	 */
	if (!e->pending)
		map_write_drop_unclaimed(e->shared.map);
	move_all(e);
	merge_all(e);
	engine_switches_apply(e);
	loop_timer_set(e->shared.loop, &e->beat, now + BEAT_NS);
}

int engine_new(const struct engine_options *options, struct engine **ret)
{
	const struct config_net *net = &options->config->virtual_net;
	struct map_write_options map = {.mode = options->map_mode,
		.park4 = options->park4,
		.park6 = options->park6,
		.vnet4 = net->v4,
		.vnet4_bits = net->v4_bits,
		.vnet6_bits = net->v6_bits};
	struct resolver_options names = {.vnet4 = net->v4,
		.vnet4_bits = net->v4_bits,
		.vnet6_bits = net->v6_bits};
	struct engine *e = calloc(1, sizeof(*e));
	uint64_t now_ns;
	int r;

	if (!e)
		return -ENOMEM;
	e->options = *options;
	e->switches = options->switches;
	e->shared = (struct cluster_options){.loop = options->loop,
		.log = options->log,
		.remote = &e->remote,
		.witness = &e->witness,
		.defaults_file = options->defaults_file,
		.no_option_files = options->no_option_files,
		.left = on_left,
		.ctx = e};
	e->config = options->config;
	now_ns = loop_now_ns(e->shared.loop);
	memcpy(map.vnet6, net->v6, sizeof(map.vnet6));
	memcpy(names.vnet6, net->v6, sizeof(names.vnet6));
	loop_timer_init(&e->beat, beat, e);
	r = resolver_new(e->shared.loop, &names, &e->shared.resolver);
	if (r == 0)
		r = map_write_open(options->dirfd, &map, now_ns, &e->shared.map);
	if (r < 0) {
		engine_free(e, true);
		return r;
	}
	engine_switches_apply(e);
	loop_timer_set(e->shared.loop, &e->beat, now_ns);
	engine_remote_configure(e);
	follow_configured(e);
	*ret = e;
	return 0;
}

void engine_free(struct engine *e, bool orderly)
{
	if (!e)
		return;
	loop_timer_stop(e->shared.loop, &e->beat);
	while (e->pending)
		pending_end(e->pending);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++)
		cluster_free(e->clusters[i], false);
	remote_module_close(&e->remote);
	map_write_close(e->shared.map, orderly);
	resolver_free(e->shared.resolver);
	free(e);
}

int engine_refresh(struct engine *e, const char *name)
{
	char normal[PEL_NAME_MAX];
	struct cluster *only = name ? engine_find(e, name, normal) : NULL;

	if (name && !only)
		return -ENOENT;
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->clusters[i] && (!only || e->clusters[i] == only))
			cluster_refresh(e->clusters[i]);
	}
	return 0;
}

struct cluster *engine_find_hash(const struct engine *e, uint64_t name_hash, const char **ret_name)
{
	int record = map_write_find(e->shared.map, name_hash);

	for (unsigned i = 0; record >= 0 && i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c || cluster_record(c) != (unsigned)record)
			continue;
		*ret_name = cluster_name_of(c, name_hash);
		return *ret_name ? c : NULL;
	}
	return NULL;
}

struct cluster *engine_cluster(const struct engine *e, unsigned i)
{
	return e->clusters[i];
}

bool engine_count_anew(struct engine *e)
{
	bool writerless = false;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c)
			continue;
		cluster_waits(c)->held = cluster_waits(c)->programs = 0;
		writerless |= cluster_is_writerless(c);
	}
	return writerless;
}

void engine_crowd(struct engine *e, uint64_t sockets)
{
	map_write_crowd(e->shared.map, sockets);
}

void engine_drill(struct engine *e, int32_t pid, uint64_t of)
{
	map_write_drill(e->shared.map, pid, of);
}

char *engine_status(const struct engine *e)
{
	const char *comma = "";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)fputc('[', out);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (!e->clusters[i])
			continue;
		(void)fputs(comma, out);
		cluster_put_status(e->clusters[i], out);
		comma = ",";
	}
	(void)fputc(']', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
