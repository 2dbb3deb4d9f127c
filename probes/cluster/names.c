/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's names: whose a name is, who follows it, and DNS questions for each. */
#include "internal.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

bool name_key(const char *name, char ret[static PEL_NAME_MAX], enum pel_role *ret_role)
{
	enum pel_kind kind = pel_name_kind(name);
	const char *domain = pel_name_instance_domain(name);

	strcpy(ret, name);
	*ret_role = kind == PEL_KIND_READER ? PEL_ROLE_READER
		: kind == PEL_KIND_CUSTOM   ? PEL_ROLE_CUSTOM
					    : PEL_ROLE_WRITER;
	if (kind != PEL_KIND_WRITER && kind != PEL_KIND_READER)
		return false;
	(void)snprintf(ret, PEL_NAME_MAX, "%.*s.cluster-%s", (int)strcspn(name, "."), name, domain);
	return true;
}

static unsigned find_name(const struct cluster *c, const char *name)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (c->names[i].used && strcmp(c->names[i].text, name) == 0)
			return i;
	}
	return PEL_NONE;
}

struct name_watch *cluster_find_name(struct cluster *c, const char *name)
{
	unsigned i = find_name(c, name);

	return i == PEL_NONE ? NULL : &c->names[i];
}

/* The name has that index, which is handed on. */
static int watch_name(struct cluster *c, const char *name, int i)
{
	struct name_watch *n;

	if (i < 0)
		return i;
	n = &c->names[i];
	if (n->used)
		return i;
	*n = (struct name_watch){.used = true, .cluster = c, .index = (uint8_t)i};
	strcpy(n->text, name);
	if (!c->title[0])
		strcpy(c->title, name);
	cluster_note(c, TOPOLOGY_EPOCH);
	return i;
}

static int add_name(struct cluster *c, const char *name, enum pel_role role, uint16_t port)
{
	return watch_name(c, name, topology_add_name(&c->topology, name, role, port));
}

/* True if DNS leads, for a writer's name, to another instance than the writer. */
static bool dns_differs(const struct cluster *c, unsigned name)
{
	const struct topology_name *n = &c->topology.names[name];
	const struct topology_member *w = topology_member(&c->topology, c->topology.writer);

	return w && n->role == PEL_ROLE_WRITER && n->lead.family &&
		memcmp(n->lead.ip, w->addr.ip, sizeof(w->addr.ip)) != 0 &&
		memcmp(n->lead.ip, n->alias.ip, sizeof(n->alias.ip)) != 0;
}

/* The cluster's own: by its form, or as the configuration says. */
static bool is_own(const struct cluster *c, const char *name)
{
	char key[PEL_NAME_MAX];
	enum pel_role role;

	(void)name_key(name, key, &role);
	return strcmp(key, c->key) == 0 || strcmp(name, c->key) == 0 ||
		pel_name_kind(name) == PEL_KIND_CUSTOM || strcmp(name, c->config->name) == 0 ||
		strcmp(name, c->config->endpoint) == 0 ||
		strcmp(name, c->config->reader_endpoint) == 0;
}

/* Whose a name is, and the role of the endpoint that it is an alias of, if it is. */
static enum topology_bond bond_of(const struct cluster *c, const struct name_watch *n,
	enum pel_role *ret_role)
{
	char key[PEL_NAME_MAX];

	*ret_role = PEL_ROLE_UNKNOWN;
	if (is_own(c, n->text))
		return TOPOLOGY_BOND_OWN;
	if (!n->endpoint[0])
		return TOPOLOGY_BOND_NONE;
	if (!name_key(n->endpoint, key, ret_role))
		return cluster_has_name(c, key) ? TOPOLOGY_BOND_ALIAS : TOPOLOGY_BOND_NONE;
	return strcmp(key, c->key) == 0 || cluster_has_name(c, key) ? TOPOLOGY_BOND_ALIAS
								    : TOPOLOGY_BOND_OTHER;
}

/* It has a cluster of its own for want of a better: DNS told of its endpoint when it was too late. */
static bool is_astray(const struct cluster *c, const struct name_watch *n)
{
	enum pel_kind kind = pel_name_kind(n->text);

	return n->endpoint[0] && strcmp(n->text, c->key) == 0 && kind != PEL_KIND_WRITER &&
		kind != PEL_KIND_READER && !c->config->endpoint[0] && !c->config->members.n;
}

static void set_domain(struct cluster *c, const char *domain)
{
	struct topology_config config = c->topology.config;

	strcpy(config.domain, domain);
	cluster_note(c, topology_configure(&c->topology, &config, cluster_now(c)));
}

void cluster_domain_anew(struct cluster *c)
{
	if (c->domain_next[0] && strcmp(c->domain_next, c->topology.config.domain) != 0)
		set_domain(c, c->domain_next);
}

/* An own name tells, by the endpoint that it is an alias of, where the instances live. */
static void learn_domain(struct cluster *c, enum topology_bond bond,
	const struct resolve_answer *answer)
{
	const char *domain = NULL;

	for (unsigned i = 0; i < answer->n_chain && !domain; i++)
		domain = pel_name_instance_domain(answer->chain[i]);
	if (!domain || bond == TOPOLOGY_BOND_OTHER)
		return;
	if (!c->topology.config.domain[0])
		set_domain(c, domain);
	if (bond == TOPOLOGY_BOND_OWN)
		strcpy(c->domain_next, domain);
}

/* The endpoint behind an own name: its certificate covers that name alone. */
static void note_endpoint(struct name_watch *n, const struct resolve_answer *answer)
{
	n->endpoint[0] = '\0';
	for (unsigned i = 0; i < answer->n_chain; i++) {
		enum pel_kind kind = pel_name_kind(answer->chain[i]);

		if (kind == PEL_KIND_WRITER || kind == PEL_KIND_READER || kind == PEL_KIND_CUSTOM)
			strcpy(n->endpoint, answer->chain[i]);
	}
}

static void name_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct name_watch *n = ctx;
	struct cluster *c = n->cluster;
	struct pel_addr addrs[RESOLVE_ADDRS];
	struct topology_dns dns = {.addrs = answer->addrs,
		.n_addrs = answer->n_addrs,
		.ttl_ms = answer->ttl_ms};
	uint64_t now = cluster_now(c);
	bool trouble;

	n->query = NULL;
	if (answer->heard)
		health_witnessed(c->o->witness, now);
	if (answer->status == 0) {
		note_endpoint(n, answer);
		dns.bond = bond_of(c, n, &dns.role);
		learn_domain(c, dns.bond, answer);
		if (dns.bond <= TOPOLOGY_BOND_ALIAS) {
			dns.addrs = addrs;
			dns.n_addrs = cluster_green_instead(c,
				(enum pel_role)c->topology.names[n->index].role, NULL, answer,
				addrs);
		}
		dns.astray = is_astray(c, n);
		dns.repointed = *n->home && *n->endpoint && strcmp(n->home, n->endpoint) != 0;
		cluster_note(c, topology_feed_dns(&c->topology, n->index, &dns, now));
		if (!*n->home || !c->topology.names[n->index].away_ns)
			strcpy(n->home, n->endpoint);
		if (c->topology.state == PEL_STATE_UNKNOWN)
			c->data_due_ns = now; /* connections go where this leads */
	}
	trouble = c->schedule.alarm_ns || dns_differs(c, n->index);
	n->due_ns = now + pace_wait_ns(trouble ? PACE_NAME_TROUBLE : PACE_NAME, 1, 0);
	cluster_kick(c);
}

void cluster_names_tick(struct cluster *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		struct name_watch *n = &c->names[i];

		if (!n->used || n->query || now_ns < n->due_ns)
			continue;
		if (resolve_start(c->o->resolver, n->text, name_resolved, n, &n->query) < 0)
			n->due_ns = now_ns + pace_wait_ns(PACE_NAME, 1, 0);
	}
}

uint64_t cluster_names_deadline(const struct cluster *c)
{
	uint64_t due = LOOP_NEVER;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (c->names[i].used && !c->names[i].query && c->names[i].due_ns < due)
			due = c->names[i].due_ns;
	}
	return due;
}

/* Anyone's answer would do as a witness: the first name's. */
void cluster_names_hurry(struct cluster *c)
{
	struct name_watch *n = cluster_find_name(c, c->title);

	if (n)
		n->due_ns = 0;
}

void cluster_names_free(struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		resolve_cancel(c->names[i].query);
		c->names[i] = (struct name_watch){0};
	}
}

bool cluster_has_name(const struct cluster *c, const char *name)
{
	return find_name(c, name) != PEL_NONE;
}

const char *cluster_name_of(const struct cluster *c, uint64_t hash)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (c->names[i].used && c->topology.names[i].hash == hash)
			return c->names[i].text;
	}
	return NULL;
}

unsigned cluster_record(const struct cluster *c)
{
	return c->record;
}

const char *cluster_name(const struct cluster *c)
{
	return c->title;
}

enum pel_role cluster_role_of(const struct cluster *c, const char *name)
{
	return (enum pel_role)c->topology.names[c->names[find_name(c, name)].index].role;
}

/* The names that a section or the form adds to the one that is followed. */
static void add_sisters(struct cluster *c, const char *key)
{
	char text[PEL_NAME_MAX];
	const char *domain = pel_name_instance_domain(key);

	if (c->config->endpoint[0])
		(void)add_name(c, c->config->endpoint, PEL_ROLE_WRITER, 0);
	if (c->config->reader_endpoint[0])
		(void)add_name(c, c->config->reader_endpoint, PEL_ROLE_READER, 0);
	if (pel_name_kind(key) != PEL_KIND_WRITER)
		return;
	(void)add_name(c, key, PEL_ROLE_WRITER, 0);
	if (snprintf(text, sizeof(text), "%.*s.cluster-ro-%s", (int)strcspn(key, "."), key,
		    domain) < (int)sizeof(text))
		(void)add_name(c, text, PEL_ROLE_READER, 0);
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
	c->port_told |= port != 0;
	if (port == 0 || port == c->topology.config.port)
		return;
	c->topology.config.port = port;
	c->scout_due_ns = 0;
}

int cluster_follow(struct cluster *c, const char *name, enum pel_role role, uint16_t port,
	const char *key, const struct credential *credential)
{
	int i;

	if (strcmp(name, c->config->reader_endpoint) == 0)
		role = PEL_ROLE_READER;
	i = add_name(c, name, role, port);
	if (i < 0)
		return i;
	c->names[i].wanted = true;
	cluster_used(c);
	learn_port(c, port);
	add_sisters(c, key);
	if (credential &&
		credentials_follow(c->links.credentials, credential, pel_name_hash(name)) == 1)
		cluster_login_anew(c);
	cluster_kick(c);
	return 0;
}

void cluster_unfollow(struct cluster *c, const char *name)
{
	cluster_find_name(c, name)->wanted = false;
}

bool cluster_is_followed(const struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (c->names[i].used && c->names[i].wanted)
			return true;
	}
	return false;
}

bool cluster_is_same(const struct cluster *a, const struct cluster *b)
{
	const struct topology_member *wa = topology_member(&a->topology, a->topology.writer);
	const struct topology_member *wb = topology_member(&b->topology, b->topology.writer);

	return wa && wb && wa->live && wb->live && wa->uuid[0] && strcmp(wa->uuid, wb->uuid) == 0 &&
		strcmp(wa->id, wb->id) == 0 && a->config == b->config;
}

static int adopt(struct cluster *to, const struct cluster *from, unsigned i, enum pel_role role)
{
	const struct name_watch *n = &from->names[i];
	enum pel_role ignored;
	int at = watch_name(to, n->text,
		topology_adopt_name(&to->topology, &from->topology.names[i], role,
			cluster_now(to)));

	if (at < 0)
		return at;
	to->names[at].wanted |= n->wanted;
	strcpy(to->names[at].endpoint, n->endpoint);
	to->topology.names[at].bond = (uint8_t)bond_of(to, &to->names[at], &ignored);
	return at;
}

/* A name brings what was given for it: the secrets of other names are none of that cluster's. */
static void take_credentials(struct cluster *to, const struct cluster *from, const char *name)
{
	if (credentials_copy(to->links.credentials, from->links.credentials, pel_name_hash(name)))
		cluster_login_anew(to);
}

static unsigned count_names(const struct cluster *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++)
		n += c->names[i].used;
	return n;
}

bool cluster_merge(struct cluster *to, const struct cluster *from)
{
	if (count_names(to) + count_names(from) > PEL_MAP_NAMES) {
		if (!to->full_told)
			log_event(to->o->log, LOG_WARNING, "clusters-apart", to->title, NULL,
				"%s leads to the same cluster, which has no room for more names",
				from->title);
		to->full_told = true;
		return false;
	}
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		struct topology_name *t;

		if (!from->names[i].used)
			continue;
		t = &to->topology.names[adopt(to, from, i,
			(enum pel_role)from->topology.names[i].role)];
		t->alias = t->lead; /* there its cluster was met */
		take_credentials(to, from, from->names[i].text);
	}
	cluster_publish(to);
	log_event(to->o->log, LOG_INFO, "clusters-merged", to->title, NULL,
		"%s leads to the same cluster", from->title);
	return true;
}

bool cluster_leaver(const struct cluster *c, unsigned *at, char ret_name[static PEL_NAME_MAX],
	char ret_alias[static PEL_NAME_MAX])
{
	while (*at < PEL_MAP_NAMES) {
		unsigned i = (*at)++;

		if (!c->names[i].used || !topology_has_left(&c->topology, i))
			continue;
		strcpy(ret_name, c->names[i].text);
		strcpy(ret_alias, c->names[i].endpoint);
		return true;
	}
	return false;
}

static void say_left(const struct cluster *c, const struct cluster *to, unsigned i)
{
	if (c->topology.names[i].met || !topology_has_left(&c->topology, i))
		log_event(c->o->log, LOG_INFO, "name-left", c->title, NULL,
			"%s leads to another cluster now: %s", c->names[i].text, to->key);
	else
		log_event(c->o->log, LOG_WARNING, "name-left", c->title, NULL,
			"%s leads elsewhere now (%s), where no login has succeeded so far: its "
			"connections go where DNS leads",
			c->names[i].text, to->key);
}

static void remove_name(struct cluster *c, unsigned i)
{
	bool titular = strcmp(c->title, c->names[i].text) == 0;

	resolve_cancel(c->names[i].query);
	c->names[i] = (struct name_watch){0};
	topology_remove_name(&c->topology, i);
	for (unsigned k = PEL_MAP_NAMES; titular && k-- > 0;) {
		if (c->names[k].used)
			strcpy(c->title, c->names[k].text);
	}
	c->scout_due_ns = 0;
	cluster_note(c, TOPOLOGY_EPOCH);
}

void cluster_lose_name(struct cluster *c, const char *name)
{
	remove_name(c, find_name(c, name));
	cluster_publish(c);
}

int cluster_move_name(struct cluster *from, struct cluster *to, const char *name,
	enum pel_role role)
{
	unsigned i = find_name(from, name);
	int at = adopt(to, from, i, role);

	if (at < 0)
		return at;
	say_left(from, to, i);
	add_sisters(to, to->key);
	take_credentials(to, from, name);
	cluster_note(to, topology_tick(&to->topology, cluster_now(to)));
	cluster_publish(to); /* first, for the name is somewhere at any time */
	remove_name(from, i);
	cluster_publish(from);
	return 0;
}
