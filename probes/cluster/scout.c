/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scout: a login to where DNS leads, when no member is known there.  It is the first contact,
 * and what notices that a cluster's names have moved to other servers.
 *
 * It asks who is there, then for the table, and hands both to the topology as one piece of
 * evidence.  If the server turns out to be a member without a connection, the scout's becomes that.
 */
#include "internal.h"

#include "common/names.h"
#include "config/regions.h"
#include "mysql/remedy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define SCOUT_HURRY_NS (10 * LOOP_S)
#define SCOUT_LIMIT_NS (5 * LOOP_S)
#define DIAL_NS (250 * LOOP_MS) /* while it looks for anyone who answers, at first */
#define YOUNG_NS LOOP_S
#define GREET_NS (2 * LOOP_S) /* for a first silent server, where there is another to ask */

/* Behind the dialect's questions: whom the server takes us for, where it refuses one of them. */
#define SCOUT_ACCOUNT DIALECT_QUESTIONS

/* What has no table needs somebody who names the members. */
static bool is_possible(const struct cluster *c, const struct dialect *d)
{
	return d->hosts != DIALECT_HOSTS_CONFIGURED || c->config->members.n ||
		c->config->endpoint[0] || c->config->source != CONFIG_SOURCE_SQL;
}

/* The first greeting decides of what kind the servers are, where nobody has told it. */
static int read_hello(struct cluster *c, const struct pel_cells *cells, struct evidence *ret)
{
	const struct dialect *d = c->undecided ? NULL : c->dialect;
	int r = dialect_read_hello(cells, &d, ret);

	if (r < 0 || !is_possible(c, d))
		return r < 0 ? r : -ENODATA;
	c->undecided = false;
	if (d == c->dialect)
		return 0;
	c->detected = d;
	return -EAGAIN;
}

/* Not where a coordinator names the members; of plain servers, which anybody may have told, if asked to. */
bool cluster_is_told(const struct cluster *c)
{
	return c->config->source == CONFIG_SOURCE_SQL &&
		(c->dialect->hosts != DIALECT_HOSTS_CONFIGURED || c->config->allowed_hosts[0]);
}

/* Instances of regions that have a pattern are where that leads; the others are out of reach. */
static void place_hosts(const struct cluster *c, struct evidence *e)
{
	const char *home = c->config->home_region;
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_hosts; i++) {
		struct evidence_host *to = &e->hosts[n];
		char id[PEL_NAME_MAX];

		*to = e->hosts[i];
		memcpy(id, to->host, sizeof(id));
		to->away = *home && strcmp(to->region, home) != 0;
		n += config_region_host(c->config->global_regions, to->region, id, to->host) == 0;
	}
	e->n_hosts = n;
}

void cluster_refuse_hosts(const struct cluster *c, struct evidence *e)
{
	char allowed[CONFIG_ALLOWED_MAX];
	unsigned n = 0;

	if (!(e->has & (EVIDENCE_HOSTS | EVIDENCE_REPLICAS)))
		return;
	if (!cluster_is_told(c))
		e->has &= ~(EVIDENCE_HOSTS | EVIDENCE_REPLICAS);
	if (c->dialect->hosts == DIALECT_HOSTS_BY_REGION) {
		place_hosts(c, e);
		return;
	}
	config_allowed_hosts(c->config, c->key, allowed);
	for (unsigned i = 0; i < e->n_hosts; i++) {
		if (fnmatch(allowed, e->hosts[i].host, FNM_CASEFOLD) == 0)
			e->hosts[n++] = e->hosts[i];
	}
	e->n_refused += e->n_hosts - n;
	e->n_hosts = n;
}

const char *cluster_hello(const struct cluster *c)
{
	return c->undecided ? dialect_greeting() : c->dialect->queries[DIALECT_HELLO];
}

int cluster_read(struct cluster *c, const struct link *link, enum dialect_question question,
	const struct member_answer *answer, struct evidence *ret)
{
	int r;

	*ret = (struct evidence){.sent_ns = answer->sent_ns,
		.received_ns = answer->received_ns,
		.from = link->addr};
	if (question == DIALECT_BLUEGREEN)
		return cluster_bluegreen_read(c, link, answer, ret);
	if (answer->error || !answer->cells)
		return -ENODATA;
	r = question == DIALECT_HELLO ? read_hello(c, answer->cells, ret)
				      : c->dialect->read(question, answer->cells, ret);
	cluster_refuse_hosts(c, ret);
	cluster_green_rename(c, ret);
	return r;
}

static void scout_end(struct cluster *c, enum pace_kind pace)
{
	link_close(&c->links, &c->scout);
	c->scout_due_ns = cluster_now(c) + pace_wait_ns(pace, 1, 0);
	cluster_kick(c);
}

static void scout_ask(struct cluster *c, enum dialect_question question)
{
	c->scout_question = (uint8_t)question;
	if (member_ask(c->scout.member,
		    question == DIALECT_HELLO ? cluster_hello(c) : c->dialect->queries[question],
		    SCOUT_LIMIT_NS) < 0)
		scout_end(c, PACE_SCOUT);
}

static void scout_report(struct cluster *c)
{
	enum pace_kind pace = PACE_SCOUT;
	unsigned slot = PEL_NONE;
	struct pel_addr addr;
	unsigned bits = topology_feed_scout(&c->topology, &c->scout_evidence, &slot);

	*c->refusal = '\0';
	c->scout_late = false;
	cluster_note(c, topology_set_why(&c->topology, PEL_WHY_NONE, cluster_now(c)));
	cluster_note(c, bits);
	if (bits & TOPOLOGY_RELEARNT) {
		cluster_drop_links(c, &c->scout);
		cluster_domain_anew(c);
	}
	cluster_probes_sync(c);
	if (slot < PEL_MAP_INSTANCES && c->probes[slot].used && !c->probes[slot].first.member)
		probe_adopt(&c->probes[slot], &c->scout, &c->scout_evidence);
	/* It has told of nobody, and is well. */
	if (topology_scout_addr(&c->topology, &addr) &&
		cluster_now(c) > c->born_ns + SCOUT_HURRY_NS)
		pace = PACE_SCOUT_REST;
	scout_end(c, pace);
}

static void account_ask(struct cluster *c, const char *refusal)
{
	(void)snprintf(c->refusal, sizeof(c->refusal), "%s", refusal ? refusal : "refused");
	c->scout_question = SCOUT_ACCOUNT;
	if (member_ask(c->scout.member, "SELECT CURRENT_USER()", SCOUT_LIMIT_NS) < 0)
		scout_end(c, PACE_SCOUT);
}

static void account_answered(struct cluster *c, const struct member_answer *answer)
{
	const char *const *row = answer->cells ? answer->cells->next(answer->cells->context) : NULL;
	char remedy[REMEDY_MAX];

	remedy_of_question(c->refusal, row ? row[0] : NULL, c->dialect->grants, remedy,
		sizeof(remedy));
	log_event(c->o->log, LOG_ERROR, "question-refused", c->title, NULL, "%s; what mends it: %s",
		c->refusal, remedy);
	scout_end(c, PACE_SCOUT);
}

/* Beside members that are known, a server that tells nothing is a stranger, and no news of them. */
static void scout_learns(struct cluster *c, enum pel_why why, enum pace_kind pace)
{
	bool known = c->topology.state != PEL_STATE_UNKNOWN;

	if (why != PEL_WHY_NONE && !known)
		cluster_note(c, topology_set_why(&c->topology, why, cluster_now(c)));
	scout_end(c, known ? PACE_SCOUT_REST : pace);
}

/* Whether a name is, or is an alias of, one of a cluster of RDS rather than of an instance. */
static bool has_endpoint(const struct cluster *c)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct name_watch *n = &c->names[i];

		if (n->used &&
			(pel_kind_role(pel_name_kind(n->text)) != PEL_ROLE_UNKNOWN ||
				n->endpoint[0]))
			return true;
	}
	return false;
}

/*
 * A kind that variables gave away, and whose table is not there, is plain replication.  Who may not
 * read the table of RDS is not told whether it is there: a cluster's endpoints have names of their own.
 */
static bool is_mistaken(const struct cluster *c, enum pel_why why)
{
	if (c->config->dialect || c->scout_question != DIALECT_TABLE ||
		c->dialect->hosts != DIALECT_HOSTS_TOLD || !is_possible(c, &dialect_read_only))
		return false;
	return why == PEL_WHY_NOT_A_CLUSTER ||
		(why == PEL_WHY_DENIED && c->dialect == &dialect_multi_az && !has_endpoint(c));
}

/* What a refusal to answer means for the cluster as a whole; what mends it is told once. */
static void scout_refused(struct cluster *c, const struct member_answer *answer)
{
	enum pel_why why = dialect_why(answer->error);

	link_useless(&c->links, &c->scout);
	if (is_mistaken(c, why)) {
		c->detected = &dialect_read_only;
		scout_end(c, PACE_OTHER_LOGIN);
		return;
	}
	if (why == PEL_WHY_DENIED && !*c->refusal && c->topology.state == PEL_STATE_UNKNOWN) {
		cluster_note(c, topology_set_why(&c->topology, why, cluster_now(c)));
		account_ask(c, answer->text);
	} else {
		scout_learns(c, why, PACE_SCOUT);
	}
}

/* The table's evidence beside the greeting's, as one answer. */
static void scout_adds(struct evidence *hello, struct evidence *table)
{
	if (!(table->has & EVIDENCE_ROLE)) {
		table->role = hello->role;
		table->term = hello->term;
	}
	memcpy(table->id, hello->id, sizeof(table->id));
	memcpy(table->uuid, hello->uuid, sizeof(table->uuid));
	table->has |= hello->has;
	table->sent_ns = hello->sent_ns;
	*hello = *table;
}

static void scout_answered(struct cluster *c, const struct member_answer *answer)
{
	struct evidence e;
	int r = cluster_read(c, &c->scout, c->scout_question, answer, &e);

	if (r == 0)
		link_told(&c->links, &c->scout);
	if (c->scout_question == DIALECT_HELLO) {
		if (r == -EAGAIN) {
			scout_end(c, PACE_OTHER_LOGIN);
			return;
		}
		if (r < 0 && !answer->error) {
			scout_learns(c, PEL_WHY_NOT_A_CLUSTER, PACE_SCOUT_REST);
			return;
		}
		c->scout_evidence = e;
		if (r == 0 && c->dialect->queries[DIALECT_TABLE]) {
			scout_ask(c, DIALECT_TABLE);
			return;
		}
	} else if (r == 0) {
		scout_adds(&c->scout_evidence, &e);
	}
	if (r < 0)
		scout_refused(c, answer);
	else if (c->dialect->hosts == DIALECT_HOSTS_BY_REGION && !c->scout_evidence.n_hosts)
		scout_learns(c, PEL_WHY_NOT_A_CLUSTER, PACE_SCOUT_REST);
	else
		scout_report(c);
}

/* What no server has heard: as often as the first answer of a failover may be waited for. */
static enum pace_kind pace_after(const struct cluster *c, const struct member_failure *failure)
{
	if (failure->kind == MEMBER_DENIED || failure->kind == MEMBER_UNFIT)
		return PACE_OTHER_LOGIN;
	return failure->kind != MEMBER_SPOKE && failure->kind != MEMBER_LOST &&
			c->topology.state == PEL_STATE_UNKNOWN &&
			cluster_now(c) < c->born_ns + SCOUT_HURRY_NS
		? PACE_SCOUT_FIRST
		: PACE_SCOUT;
}

/* One was silent, and nobody has spoken since. */
static bool is_still_late(const struct cluster *c, const struct member_failure *failure)
{
	switch (failure->kind) {
	case MEMBER_LATE:
		return c->scout_late || failure->heard;
	case MEMBER_DENIED:
	case MEMBER_SPOKE:
	case MEMBER_UNFIT:
		return false;
	default:
		return c->scout_late;
	}
}

/* Not as long as there is a credential that nobody has tried. */
static enum pel_why why_of(const struct cluster *c, const struct member_failure *failure)
{
	if (failure->kind == MEMBER_UNFIT)
		return PEL_WHY_UNFIT;
	return failure->kind == MEMBER_DENIED &&
			credentials_verdict(c->links.credentials) != CREDENTIALS_UNTRIED
		? PEL_WHY_DENIED
		: PEL_WHY_NONE;
}

/* Nobody may log in there for now: it is said why, and the next address has its turn. */
static void scout_rests(struct cluster *c, const struct pel_addr *addr, uint64_t now_ns)
{
	enum credentials_verdict verdict = credentials_verdict(c->links.credentials);
	uint64_t due = links_due_ns(&c->links, addr);
	uint64_t soon = now_ns + pace_wait_ns(PACE_OTHER_LOGIN, 1, 0);
	uint64_t late = now_ns + pace_wait_ns(PACE_SCOUT, 1, 0);
	enum pel_why why = PEL_WHY_NONE; /* else they are being tried, or rest */

	if (verdict == CREDENTIALS_NONE)
		why = PEL_WHY_NO_CREDENTIALS;
	else if (verdict == CREDENTIALS_DENIED)
		why = PEL_WHY_DENIED;
	else if (due > late)
		why = c->scout_why;
	if (why != PEL_WHY_NONE && c->topology.state == PEL_STATE_UNKNOWN)
		cluster_note(c, topology_set_why(&c->topology, why, now_ns));
	if (due > late && due != LOOP_NEVER) {
		topology_scout_failed(&c->topology);
		due = late;
	}
	c->scout_due_ns = due < soon ? soon : due;
}

static void scout_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct cluster *c = ctx;

	switch (event) {
	case MEMBER_DIALLED:
		break;
	case MEMBER_ACCEPTED:
		c->scout.accepted = true;
		c->scout_heard_ns = cluster_now(c);
		health_witnessed(c->o->witness, cluster_now(c));
		break;
	case MEMBER_READY:
		link_ready(&c->links, &c->scout);
		c->scout_why = PEL_WHY_NONE;
		scout_ask(c, DIALECT_HELLO);
		break;
	case MEMBER_ANSWERED:
		if (c->scout_question == SCOUT_ACCOUNT)
			account_answered(c, answer);
		else
			scout_answered(c, answer);
		break;
	case MEMBER_FAILED:
		link_failed(&c->links, &c->scout, failure);
		c->scout_why = why_of(c, failure);
		c->scout_late = is_still_late(c, failure);
		if (failure->kind != MEMBER_DENIED && failure->kind != MEMBER_UNFIT)
			topology_scout_failed(&c->topology);
		scout_end(c, pace_after(c, failure));
		break;
	}
}

static bool leads_to(const struct topology_name *n, const struct pel_addr *addr)
{
	for (unsigned k = 0; k < n->n_seen; k++) {
		if (n->seen[k].addr.family == addr->family &&
			memcmp(n->seen[k].addr.ip, addr->ip, sizeof(addr->ip)) == 0)
			return true;
	}
	return false;
}

/*
 * The name by which the scout goes: TLS verifies it, and tokens are made for it.  That is an endpoint
 * rather than an alias of one, which no certificate covers.
 */
static const char *scout_host(const struct cluster *c, const struct pel_addr *addr)
{
	const char *alias = NULL;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct name_watch *n = &c->names[i];
		enum pel_kind kind = pel_name_kind(n->text);

		if (!n->used || !leads_to(&c->topology.names[n->index], addr))
			continue;
		if (kind == PEL_KIND_WRITER || kind == PEL_KIND_READER)
			return n->text;
		if (!alias)
			alias = n->endpoint[0] ? n->endpoint : n->text;
	}
	return alias ? alias : c->title;
}

/* Where the cluster's own endpoint does not lead, the secrets of names that do not lead there stay. */
static uint16_t secrets_of_others(const struct cluster *c, const struct pel_addr *addr)
{
	uint64_t names[PEL_MAP_NAMES];
	unsigned n = 0;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct topology_name *name = &c->topology.names[c->names[i].index];

		if (!c->names[i].used || !leads_to(name, addr))
			continue;
		if (name->bond <= TOPOLOGY_BOND_ALIAS)
			return 0;
		names[n++] = name->hash;
	}
	return n ? credentials_of_others(c->links.credentials, names, n) : 0;
}

/* When a server that says nothing is left for another, if there is one by then. */
static uint64_t mute_ns(const struct cluster *c)
{
	if (!c->scout.accepted || c->scout_late || member_is_greeted(c->scout.member) ||
		!topology_scout_has_other(&c->topology))
		return LOOP_NEVER;
	return c->scout_heard_ns + GREET_NS;
}

uint64_t cluster_scout_due(const struct cluster *c)
{
	return c->scout.member ? mute_ns(c) : c->scout_due_ns;
}

void cluster_scout_tick(struct cluster *c, uint64_t now_ns)
{
	struct pel_addr addr;
	/* It has more addresses to try than that of a writer which has just fallen silent. */
	struct link_options options = {.addr = &addr,
		.dial_limit_ns = now_ns < c->born_ns + YOUNG_NS ? DIAL_NS : 0,
		.told = scout_told,
		.ctx = c};
	int r;

	if (c->scout.member && now_ns >= mute_ns(c))
		scout_told(c, MEMBER_FAILED, NULL,
			&(struct member_failure){.kind = MEMBER_LATE, .heard = true});
	if (c->asleep || c->scout.member || now_ns < c->scout_due_ns ||
		!topology_scout_addr(&c->topology, &addr))
		return;
	if (addr.port == 0)
		addr.port = c->topology.config.port;
	options.host = scout_host(c, &addr);
	options.but = secrets_of_others(c, &addr);
	r = link_open(&c->links, &c->scout, &options);
	if (r == -EAGAIN || (r == -EACCES && !options.but)) {
		scout_rests(c, &addr, now_ns);
	} else if (r < 0) {
		c->scout_due_ns = now_ns + pace_wait_ns(PACE_SCOUT, 1, 0);
		topology_scout_failed(&c->topology);
	}
}
