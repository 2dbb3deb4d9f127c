/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration makes of a cluster: at its birth, at a reload, and when its servers turn out
 * to be of another kind than was guessed.
 */
#include "internal.h"

#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT 3306

/* With the table; else it takes a right of its own, and who has not that is not held for it. */
static bool is_lag_told(const struct dialect *d)
{
	return d->queries[DIALECT_TABLE] && !d->queries[DIALECT_LAG];
}

static struct topology_config topology_config_of(const struct cluster *c, const char *domain)
{
	struct topology_config config = {
		.has_table = c->dialect->hosts == DIALECT_HOSTS_BY_DOMAIN,
		.selector = (uint8_t)c->config->reader_selector,
		.fallback = (uint8_t)c->config->reader_fallback,
		.port = c->topology.config.port,
		.hold_ms = c->config->hold_ms,
		.max_lag_ms = c->config->max_lag_ms,
		.admit_max_lag_ms = is_lag_told(c->dialect) ? c->config->admit_max_lag_ms : 0,
		.admit_stable_ms = c->config->admit_stable_ms,
		.admit_never_last = c->config->admit_never_last,
		.warm_up = c->config->warm_up[0] != '\0',
	};

	strcpy(config.domain, domain ? domain : "");
	strcpy(config.pattern, c->config->host_pattern);
	return config;
}

static void dialect_take(struct cluster *c, const struct dialect *d)
{
	c->dialect = d;
	c->links.grants = d->grants;
}

/* As told; else a guess, until a server has greeted. */
static void dialect_choose(struct cluster *c, const struct config_cluster *config)
{
	bool named = config->members.n || config->source != CONFIG_SOURCE_SQL;

	const struct dialect *told = dialect_at(config->dialect);

	c->undecided = !told;
	c->detected = NULL;
	dialect_take(c, told ? told : named ? &dialect_read_only : &dialect_aurora);
}

/* A coordinator, a cloud, a fleet, as the configuration names them. */
static void sources_add(struct cluster *c)
{
	int r = remote_module_add(c->o->remote, c->key, c->config);

	if (r < 0)
		log_event(c->o->log, LOG_ERROR, "source-failed", c->key, NULL,
			"a source of this cluster cannot be started: %s", strerror(-r));
}

/* Where nobody names members, the endpoint leads to the only one. */
static void members_add(struct cluster *c)
{
	const struct config_cluster *config = c->config;
	uint64_t now = cluster_now(c);

	for (unsigned i = 0; i < config->members.n; i++) {
		const struct config_member *m = &config->members.list[i];

		(void)topology_add_member(&c->topology, m->host, m->port, now);
	}
	if (!config->members.n && config->endpoint[0] && config->source == CONFIG_SOURCE_SQL &&
		c->dialect->hosts == DIALECT_HOSTS_CONFIGURED)
		(void)topology_add_member(&c->topology, config->endpoint, 0, now);
}

static void configure(struct cluster *c)
{
	struct topology_config topology;
	char domain[PEL_NAME_MAX];

	c->links.by_token = c->config->auth == CONFIG_AUTH_IAM;
	strcpy(domain, c->topology.config.domain);
	topology = topology_config_of(c, domain);
	cluster_note(c, topology_configure(&c->topology, &topology, cluster_now(c)));
	if (c->dialect->hosts != DIALECT_HOSTS_BY_DOMAIN)
		members_add(c);
	cluster_probes_sync(c);
	if (c->fleet != REMOTE_FLEET_ALONE && !c->config->publish[0])
		cluster_take_fleet(c, REMOTE_FLEET_ALONE, NULL);
	sources_add(c);
}

void cluster_login_anew(struct cluster *c)
{
	c->scout_due_ns = 0;
	links_forgive(&c->links);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++)
		schedule_retry(&c->schedule, i, cluster_now(c));
	cluster_kick(c);
}

static void credentials_load(struct cluster *c)
{
	struct credential *credential = calloc(1, sizeof(*credential));

	if (!credential)
		return;
	if (c->config->auth != CONFIG_AUTH_SECRETSMANAGER) /* that one comes by itself */
		credentials_remove_origin(c->links.credentials, CREDENTIAL_CONFIGURED);
	credentials_remove_origin(c->links.credentials, CREDENTIAL_OPTION_FILE);
	if (credential_of_config(c->config, credential))
		(void)credentials_add(c->links.credentials, credential);
	if (!c->o->no_option_files && credential_of_option_files(c->o->defaults_file, credential))
		(void)credentials_add(c->links.credentials, credential);
	explicit_bzero(credential, sizeof(*credential));
	free(credential);
	cluster_login_anew(c);
}

/* With everybody, in a blue/green switchover: the writer too, who is admitted at any other time. */
static bool were_held_all(const struct pel_hot *hot)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].admission == PEL_ADMITTED)
			return false;
	}
	return hot->state == PEL_STATE_WRITERLESS;
}

/*
 * Who was new or held a moment ago is not admitted by a worker that takes over, and whom an earlier
 * prober was told to hold is held by one that is started anew.  Who knew a writer has one awaited, by
 * the next prober too, and keeps it where there are many.
 */
static void inherit(struct cluster *c, const char *name)
{
	const struct pel_hot *hot = map_write_hot(c->o->map, c->record);
	const struct pel_cold *cold = map_write_cold(c->o->map, c->record);
	char held[PEL_MAP_INSTANCES][PEL_ID_MAX];
	uint64_t awaited_ns = 0;
	unsigned n = c->inherited ? 0 : map_write_held(c->o->map, name, held, &awaited_ns);

	for (unsigned i = 0; i < n; i++)
		topology_expect(&c->topology, held[i], true);
	for (unsigned i = 0; c->inherited && i < hot->n_instances; i++) {
		const struct pel_hot_instance *in = &hot->instances[i];
		bool by_hand = in->flags & PEL_INST_BY_HAND;

		if (in->admission != PEL_ADMITTED &&
			(by_hand || in->admission != PEL_ADMIT_HELD || !were_held_all(hot)))
			topology_expect(&c->topology, cold->instances[i].id, by_hand);
	}
	if (c->inherited && hot->writer != PEL_NONE)
		topology_wish(&c->topology, cold->instances[hot->writer].id, false, c->born_ns);
	if (c->inherited && (hot->writer != PEL_NONE || hot->state == PEL_STATE_WRITERLESS))
		awaited_ns = hot->writerless_ns ? hot->writerless_ns : c->born_ns;
	if (awaited_ns)
		topology_await_writer(&c->topology, awaited_ns);
}

/*
 * Whom a writer told the earlier worker: one of them may be the writer now, and nobody else know of it.
 * Who has not said what it is is told again, if it is one of them.
 */
static void inherit_found(struct cluster *c)
{
	const struct pel_hot *hot = map_write_hot(c->o->map, c->record);
	const struct pel_cold *cold = map_write_cold(c->o->map, c->record);
	struct evidence e = {.has = EVIDENCE_REPLICAS, .received_ns = cluster_now(c)};

	if (!c->inherited || !c->dialect->queries[DIALECT_REPLICAS])
		return;
	for (unsigned i = 0; i < hot->n_instances; i++) {
		struct evidence_host *h = &e.hosts[e.n_hosts];

		if (hot->instances[i].role == PEL_ROLE_UNKNOWN || !*cold->instances[i].host)
			continue;
		memcpy(h->host, cold->instances[i].host, sizeof(h->host));
		h->port = hot->instances[i].port;
		h->role = PEL_ROLE_READER;
		e.n_hosts++;
	}
	cluster_refuse_hosts(c, &e);
	if (e.has)
		cluster_note(c, topology_feed_kept(&c->topology, &e));
	cluster_probes_sync(c);
}

/*
 * The servers are others than was thought.  Names and credentials stay; what the map says of the
 * members stays until they are confirmed or contradicted, as when another worker takes over.
 */
static void begin_anew(struct cluster *c, uint16_t port, enum pel_why why)
{
	c->inherited = map_write_hot(c->o->map, c->record)->state != PEL_STATE_UNKNOWN;
	c->born_ns = cluster_now(c);
	c->scout_late = false;
	link_close(&c->links, &c->scout);
	cluster_bluegreen_end(c);
	c->bluegreen = (struct bluegreen){0};
	c->bluegreen_asked_ns = 0;
	c->blue = NULL;
	cluster_note(c, topology_reset(&c->topology, port, why, c->born_ns));
	cluster_probes_sync(c);
	inherit(c, c->title);
	remote_module_remove(c->o->remote, c->key); /* what it said has to be said again */
	cluster_names_hurry(c);
}

void cluster_reload(struct cluster *c, const struct config_cluster *config)
{
	uint16_t port = config->port != c->config->port ? config->port : c->topology.config.port;
	bool other = config_cluster_is_other(c->config, config);

	c->config = config;
	c->asleep = false;
	c->used_ns = cluster_now(c);
	if (other) {
		dialect_choose(c, config);
		begin_anew(c, port, PEL_WHY_NONE);
	}
	configure(c);
	credentials_load(c);
}

void cluster_switch(struct cluster *c, bool off)
{
	map_write_mode(c->o->map, c->record, off ? PEL_MODE_OFF : c->config->mode);
}

void cluster_redecide(struct cluster *c)
{
	dialect_take(c, c->detected);
	c->detected = NULL;
	begin_anew(c, c->topology.config.port, PEL_WHY_NONE);
	configure(c);
	inherit_found(c);
	cluster_login_anew(c);
}

void cluster_sleep(struct cluster *c)
{
	begin_anew(c, c->topology.config.port, PEL_WHY_IDLE);
	c->inherited = false;
	c->asleep = true;
}

void cluster_used(struct cluster *c)
{
	c->used_ns = cluster_now(c);
	if (!c->asleep)
		return;
	c->asleep = false;
	begin_anew(c, c->topology.config.port, PEL_WHY_NONE);
	configure(c);
	/* Who must not be asked yet rests as before: anybody may wake it. */
	c->scout_due_ns = 0;
	cluster_kick(c);
}

static int link_token(void *ctx, const char *host, uint16_t port, const char *user, char *ret,
	size_t size)
{
	return cluster_token(ctx, host, port, user, ret, size);
}

static void link_denied(void *ctx)
{
	struct cluster *c = ctx;

	remote_module_denied(c->o->remote, c->key);
}

static bool has_member(void *ctx, const struct pel_addr *addr)
{
	const struct cluster *c = ctx;
	struct pel_addr at;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (topology_login_addr(&c->topology, i, &at) && memcmp(&at, addr, sizeof(at)) == 0)
			return true;
	}
	return false;
}

int cluster_new(const struct cluster_options *options, const char *name, const char *key,
	const struct config_cluster *config, uint16_t port, struct cluster **ret)
{
	struct cluster *c = calloc(1, sizeof(*c));
	struct credentials *credentials = credentials_new();
	const char *domain = pel_name_instance_domain(name);
	uint64_t now = loop_now_ns(options->loop);
	struct topology_config topology;
	int record = c && credentials ? map_write_claim(options->map, name) : -ENOMEM;
	bool inherited = record >= 0;

	if (record == -ENOENT)
		record = map_write_take(options->map, now);
	if (record < 0) {
		credentials_free(credentials);
		free(c);
		return record;
	}
	c->o = options;
	c->inherited = inherited;
	c->links = (struct links){.loop = options->loop,
		.log = options->log,
		.name = c->title,
		.credentials = credentials,
		.doors = &c->doors,
		.token = link_token,
		.denied = link_denied,
		.has_member = has_member,
		.ctx = c};
	c->record = (unsigned)record;
	c->born_ns = now;
	c->config = config;
	dialect_choose(c, config);
	c->scout.ticket = NO_TICKET;
	strcpy(c->key, key);
	loop_timer_init(&c->timer, cluster_settle, c);
	c->port_told = port != 0;
	c->topology.config.port = port ? port : config->port ? config->port : PORT_DEFAULT;
	topology = topology_config_of(c, domain);
	topology_init(&c->topology, &topology, map_write_hot(options->map, c->record)->uid, now);
	inherit(c, name);
	schedule_init(&c->schedule, now ^ topology.port ^ pel_name_hash(name), now);
	schedule_set_writer(&c->schedule, PEL_NONE, PACE_ROLE);
	cluster_reload(c, config);
	inherit_found(c);
	*ret = c;
	return 0;
}
