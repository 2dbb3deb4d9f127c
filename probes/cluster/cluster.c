/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cluster: settles what its callbacks have fed, drives its schedule, publishes.
 *
 * cluster_settle() runs from one timer.  It publishes first, for a writer that has appeared is what
 * others wait for, and only then asks and connects.  What is mere data (lag, CPU, times) waits up
 * to DATA_EACH_NS for company; but a client that has given a hint waits for the time of an answer.
 */
#include "internal.h"

#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATA_EACH_NS LOOP_S
#define INHERITED_NS (3 * LOOP_S) /* a worker's first topology takes less */
#define ALARM_LEAST_NS (2 * LOOP_S)

uint64_t cluster_now(const struct cluster *c)
{
	return loop_now_ns(c->o->loop);
}

void cluster_kick(struct cluster *c)
{
	if (!c->settling)
		loop_timer_set(c->o->loop, &c->timer, 0);
}

/* The writer closed a connection, or is lost: full attention, whatever went on before. */
void cluster_alarm(struct cluster *c)
{
	c->alarm_anew = true;
	c->alarm_until_ns = cluster_now(c) + ALARM_LEAST_NS;
	cluster_kick(c);
}

void cluster_note(struct cluster *c, unsigned bits)
{
	c->bits |= bits;
	if (bits & ~TOPOLOGY_DATA)
		cluster_kick(c);
}

void cluster_drop_links(struct cluster *c, const struct link *but)
{
	if (but != &c->scout)
		link_close(&c->links, &c->scout);
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct probe *p = &c->probes[i];

		if (!p->used)
			continue;
		if (p->first.member && p->scheduled)
			schedule_lost(&c->schedule, i, cluster_now(c));
		p->first.told = 0; /* the slot is another's by now: nothing of it is void */
		probe_first_drop(p, false);
		link_close(&c->links, &p->second);
	}
}

void cluster_free(struct cluster *c, bool release_record)
{
	if (!c)
		return;
	remote_module_remove(c->o->remote, c->key);
	cluster_warm_free(c);
	link_close(&c->links, &c->scout);
	cluster_green_free(c);
	cluster_probes_free(c);
	cluster_names_free(c);
	loop_timer_stop(c->o->loop, &c->timer);
	credentials_free(c->links.credentials);
	free(c->listed);
	if (release_record)
		map_write_release(c->o->map, c->record);
	free(c);
}

/*
 * A restarted worker and what its predecessor published: it stays until it is confirmed, which
 * wakes nobody, or contradicted, or nothing better was learnt in time.
 */
static bool has_identity(const struct pel_hot *hot, uint64_t identity)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].identity == identity)
			return hot->instances[i].health != PEL_HEALTH_UNREACHABLE;
	}
	return false;
}

/* 0: readers alone. */
static uint64_t identity_of_writer(const struct pel_hot *hot)
{
	return hot->writer == PEL_NONE ? 0 : hot->instances[hot->writer].identity;
}

enum cluster_inherited cluster_inherited_compare(const struct pel_hot *was,
	const struct pel_hot *is)
{
	bool awaited = was->state == PEL_STATE_WRITERLESS || identity_of_writer(was);

	if (is->state != PEL_STATE_KNOWN || (awaited && is->writer == PEL_NONE))
		return CLUSTER_INHERITED_OPEN;
	if (was->state != PEL_STATE_KNOWN || identity_of_writer(was) != identity_of_writer(is))
		return CLUSTER_INHERITED_OTHER;
	for (unsigned i = 0; i < was->n_instances; i++) {
		if (was->instances[i].identity && !has_identity(is, was->instances[i].identity))
			return CLUSTER_INHERITED_OPEN;
	}
	return CLUSTER_INHERITED_SAME;
}

/* True if the view may take the place of what the earlier worker published. */
static bool is_worth_publishing(struct cluster *c, const struct pel_hot *hot, uint64_t now_ns)
{
	const struct topology *t = &c->topology;
	enum cluster_inherited verdict;

	if (!c->inherited)
		return true;
	verdict = cluster_inherited_compare(map_write_hot(c->o->map, c->record), hot);
	if (verdict == CLUSTER_INHERITED_OPEN && t->why != PEL_WHY_NO_CREDENTIALS &&
		t->why != PEL_WHY_DENIED && now_ns - c->born_ns < INHERITED_NS)
		return false;
	c->inherited = false;
	c->bits = TOPOLOGY_EPOCH;
	if (verdict != CLUSTER_INHERITED_SAME)
		c->bits |= TOPOLOGY_WRITER | TOPOLOGY_FIRST;
	return true;
}

unsigned cluster_take_failovers(struct cluster *c)
{
	unsigned n = (unsigned)(c->writer_changes - c->changes_taken);

	c->changes_taken = c->writer_changes;
	return n;
}

struct cluster_waits *cluster_waits(struct cluster *c)
{
	return &c->waits;
}

bool cluster_is_writerless(const struct cluster *c)
{
	return map_write_hot(c->o->map, c->record)->state == PEL_STATE_WRITERLESS;
}

/* What is told of waits is of one time without a writer. */
static void waits_turn(struct cluster *c, uint64_t was_ns, const struct pel_hot *is)
{
	if (was_ns == is->writerless_ns)
		return;
	if (was_ns && is->writer != PEL_NONE && c->waits.most)
		cluster_say_waited(c, was_ns);
	c->waits.most = c->waits.most_programs = 0;
}

const unsigned cluster_gap_ms[CLUSTER_GAPS - 1] = {250, 500, 1000, 2500, 5000, 10000, 15000, 30000,
	60000};

static void gap_count(struct cluster_gaps *g, uint64_t ms)
{
	unsigned i = 0;

	while (i < CLUSTER_GAPS - 1 && ms > cluster_gap_ms[i])
		i++;
	g->n[i]++;
	g->sum_ms += ms;
}

/* A writer is published: whether it is another one, and how long there was none before it. */
static void writer_count(struct cluster *c, uint64_t missed_ns, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	const char *id = hot->writer == PEL_NONE ? "" : cold->instances[hot->writer].id;

	if (!*id)
		return;
	if (missed_ns && missed_ns < cluster_now(c))
		gap_count(&c->gaps, (cluster_now(c) - missed_ns) / LOOP_MS);
	if (*c->writer_id && strcmp(c->writer_id, id) != 0)
		c->writer_changes++;
	strcpy(c->writer_id, id);
}

/* Where DNS led an earlier worker, as long as it has told this one nothing. */
static void keep_addresses(const struct pel_hot *was, struct pel_hot *is)
{
	for (unsigned i = 0; i < is->n_names; i++) {
		struct pel_hot_name *n = &is->names[i];

		for (unsigned k = 0; k < was->n_names && !n->n_addrs; k++) {
			if (was->names[k].hash != n->hash)
				continue;
			n->n_addrs = was->names[k].n_addrs;
			n->dns_ns = was->names[k].dns_ns;
			memcpy(n->addrs, was->names[k].addrs, sizeof(n->addrs));
		}
	}
}

static void publish(struct cluster *c, uint64_t now_ns)
{
	uint64_t writerless_ns = map_write_hot(c->o->map, c->record)->writerless_ns;
	unsigned changes;
	struct pel_hot hot, shown;
	struct pel_cold cold;

	cluster_list_apply(c);
	topology_view(&c->topology, &hot, &cold, NULL);
	if (!is_worth_publishing(c, &hot, now_ns))
		return;
	keep_addresses(map_write_hot(c->o->map, c->record), &hot);
	shown = hot;
	cluster_bluegreen_show(c, &shown, &cold);
	changes = (c->bits & TOPOLOGY_EPOCH ? MAP_CHANGE_EPOCH : 0) |
		(c->bits & TOPOLOGY_WAKES ? MAP_CHANGE_WAKE : 0) |
		(c->bits & TOPOLOGY_FIRST ? MAP_CHANGE_FIRST : 0);
	c->bits = 0;
	c->data_due_ns = 0;
	map_write_publish(c->o->map, c->record, &shown, &cold, changes);
	if (changes) {
		cluster_say_changes(c, &hot, &cold);
		remote_module_published(c->o->remote, c->key, &hot, &cold);
	}
	waits_turn(c, writerless_ns, &shown);
	writer_count(c, writerless_ns, &shown, &cold);
}

/* Does what the change bits ask for. */
static void obey(struct cluster *c, uint64_t now_ns)
{
	unsigned bits = c->bits;

	if (bits & (TOPOLOGY_WAKES | TOPOLOGY_FIRST | TOPOLOGY_EPOCH)) {
		publish(c, now_ns);
	} else if (bits & TOPOLOGY_DATA) {
		if (now_ns < c->hinted_ns + DATA_EACH_NS)
			c->data_due_ns = now_ns;
		else if (!c->data_due_ns)
			c->data_due_ns = now_ns + DATA_EACH_NS;
		if (now_ns >= c->data_due_ns)
			publish(c, now_ns);
	}
	if (bits & TOPOLOGY_LIE)
		log_event(c->o->log, LOG_WARNING, "table-lies", c->title, NULL,
			"the table names another writer than the one that confirms itself");
	if (bits & TOPOLOGY_ODD)
		log_event(c->o->log, LOG_WARNING, "table-odd", c->title, NULL,
			c->dialect->hosts < DIALECT_HOSTS_BY_DOMAIN
				? "the servers name members whose hosts allowed-hosts has not"
				: "rows of the table were refused, or have no usable time");
	if (bits & TOPOLOGY_AWAY)
		log_event(c->o->log, LOG_WARNING, "endpoint-elsewhere", c->title, NULL,
			"the endpoint leads to a server that nobody can log in to; the members that "
			"answer are followed");
	if (bits & TOPOLOGY_RELEARNT) {
		cluster_domain_anew(c);
		cluster_bluegreen_end(c);
	}
	if (bits & TOPOLOGY_MEMBERS)
		cluster_probes_sync(c);
	if (bits & TOPOLOGY_MOVED)
		cluster_probes_move(c);
	if (bits & TOPOLOGY_LEFT)
		c->o->left(c->o->ctx);
	c->bits &= TOPOLOGY_DATA | TOPOLOGY_WAKES | TOPOLOGY_FIRST | TOPOLOGY_EPOCH;
}

void cluster_publish(struct cluster *c)
{
	obey(c, cluster_now(c));
	cluster_kick(c);
}

static void act(struct cluster *c, uint64_t now_ns)
{
	struct schedule_action action;
	bool alarm = topology_is_troubled(&c->topology) || now_ns < c->alarm_until_ns;

	if (c->topology.writer == PEL_NONE && c->schedule.writer != PEL_NONE)
		c->alarm_anew = true;
	if (c->alarm_anew)
		schedule_set_alarm(&c->schedule, false, now_ns);
	c->alarm_anew = false;
	schedule_set_writer(&c->schedule, c->topology.writer,
		c->dialect->quiet ? PACE_ROLE_QUIET : PACE_ROLE);
	if (alarm && !c->schedule.alarm_ns)
		links_hurry(&c->links);
	schedule_set_alarm(&c->schedule, alarm, now_ns);
	c->alarm = alarm;
	while (schedule_next(&c->schedule, now_ns, &action)) {
		if (c->probes[action.slot].used)
			probe_act(&c->probes[action.slot], (enum schedule_kind)action.kind);
	}
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t idle_at(const struct cluster *c)
{
	return c->asleep || !c->config->idle_ms ? LOOP_NEVER
						: c->used_ns + c->config->idle_ms * LOOP_MS;
}

static uint64_t cluster_deadline(const struct cluster *c, uint64_t now_ns)
{
	uint64_t due = topology_deadline(&c->topology);

	if (c->bits & ~TOPOLOGY_DATA && !c->inherited)
		return now_ns;
	due = earliest(due, schedule_deadline(&c->schedule, now_ns));
	due = earliest(due, idle_at(c));
	due = earliest(due, cluster_names_deadline(c));
	due = earliest(due, cluster_hosts_deadline(c));
	due = earliest(due, cluster_health_deadline(c));
	due = earliest(due, cluster_warm_deadline(c));
	due = earliest(due, cluster_bluegreen_deadline(c));
	if (c->data_due_ns)
		due = earliest(due, c->data_due_ns);
	if (c->alarm_until_ns > now_ns)
		due = earliest(due, c->alarm_until_ns);
	if (cluster_scout_due(c) > now_ns)
		due = earliest(due, cluster_scout_due(c));
	return due;
}

void cluster_settle(void *ctx)
{
	struct cluster *c = ctx;
	uint64_t now;

	c->settling = true;
	if (c->detected)
		cluster_redecide(c);
	now = cluster_now(c); /* not from before it was born again */
	if (now >= idle_at(c))
		cluster_sleep(c);
	obey(c, now);
	if (now >= topology_deadline(&c->topology))
		c->bits |= topology_tick(&c->topology, now);
	cluster_names_tick(c, now);
	cluster_hosts_tick(c, now);
	cluster_scout_tick(c, now);
	cluster_warm_tick(c, now);
	cluster_bluegreen_tick(c, now);
	act(c, now);
	cluster_health_tick(c, now); /* last: it has to see what was just asked */
	obey(c, now);
	c->settling = false;
	loop_timer_set(c->o->loop, &c->timer, cluster_deadline(c, now));
}

const struct config_cluster *cluster_config(const struct cluster *c)
{
	return c->config;
}

const char *cluster_key(const struct cluster *c)
{
	return c->key;
}

uint16_t cluster_port(const struct cluster *c)
{
	return c->topology.config.port;
}

bool cluster_has_port(const struct cluster *c)
{
	return c->port_told || c->config->port || c->topology.state != PEL_STATE_UNKNOWN;
}

bool cluster_is_in(const struct cluster *c, const char *domain)
{
	return strcmp(c->topology.config.domain, domain) == 0;
}

int cluster_hint(struct cluster *c, const char *name, bool refused)
{
	int taken;

	c->hinted_ns = cluster_now(c);
	cluster_used(c);
	taken = schedule_hint(&c->schedule, cluster_now(c));

	/* The name's address refused a client: without credentials nobody else can tell. */
	if (refused)
		topology_feed_refusal(&c->topology, cluster_find_name(c, name)->index,
			cluster_now(c));
	if (taken > 0)
		cluster_kick(c);
	return taken;
}

void cluster_refresh(struct cluster *c)
{
	schedule_refresh(&c->schedule);
	c->bluegreen_asked_ns = 0;
	cluster_login_anew(c);
}

int cluster_token(struct cluster *c, const char *host, uint16_t port, const char *user, char *ret,
	size_t size)
{
	cluster_used(c);
	return remote_module_token(c->o->remote, c->key, host,
		port ? port : c->topology.config.port, user, ret, size);
}

int cluster_admit(struct cluster *c, const char *id, enum pel_admission admission)
{
	unsigned slot = topology_find(&c->topology, id);

	if (slot == PEL_NONE)
		return -ENOENT;
	cluster_note(c,
		topology_feed_admission(&c->topology, slot, admission, true, cluster_now(c)));
	return 0;
}

static unsigned published_find(const struct cluster *c, const char *id)
{
	const struct pel_hot *hot = map_write_hot(c->o->map, c->record);
	const struct pel_cold *cold = map_write_cold(c->o->map, c->record);
	unsigned i = 0;

	while (i < hot->n_instances && strcmp(cold->instances[i].id, id) != 0)
		i++;
	return i < hot->n_instances ? i : PEL_NONE;
}

/* Whether a reader's connection that leaves instance `left` goes to another reader, as programs judge. */
static bool another_takes(const struct pel_hot *hot, unsigned left)
{
	for (unsigned i = 0; i < hot->n_instances && hot->state != PEL_STATE_UNKNOWN; i++) {
		const struct pel_hot_instance *in = &hot->instances[i];
		bool lagged = in->flags & PEL_INST_LAGGED && hot->fallback != PEL_FALLBACK_READER;

		if (i != left && in->role == PEL_ROLE_READER && in->admission == PEL_ADMITTED &&
			in->flags & PEL_INST_ROUTABLE && !lagged &&
			in->health != PEL_HEALTH_STALLED && in->health != PEL_HEALTH_UNREACHABLE)
			return true;
	}
	return false;
}

int cluster_drain(struct cluster *c, const char *id, bool force, bool look, uint64_t *ret_of)
{
	const struct pel_hot *hot = map_write_hot(c->o->map, c->record);
	unsigned i = published_find(c, id);
	int r;

	if (i == PEL_NONE)
		return -ENOENT;
	if (hot->instances[i].role == PEL_ROLE_WRITER)
		return CLUSTER_DRAIN_WRITER;
	if (!force && !another_takes(hot, i))
		return CLUSTER_DRAIN_LAST;
	if (look)
		return 0;
	r = cluster_admit(c, id, PEL_ADMIT_HELD);
	if (r < 0)
		return r;
	/* Before the first connection ends: what takes its place is led by the map. */
	cluster_publish(c);
	i = published_find(c, id);
	if (i == PEL_NONE || hot->instances[i].admission != PEL_ADMIT_HELD)
		return -EAGAIN;
	*ret_of = PEL_DRILL_OF(hot, i);
	return 0;
}
