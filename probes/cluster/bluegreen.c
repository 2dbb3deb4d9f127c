/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blue/green switchover of a cluster: what its table says, and what follows (logic/bluegreen.h).
 *
 * The cluster's writer is asked in place of one of its other questions, and green's on a connection of
 * its own (green.c).  While connects are held, what is published has no writer, but its generation
 * stays: nobody is closed before green is there, for it may all be rolled back.
 */
#include "internal.h"

#include "common/names.h"
#include "mysql/remedy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* By its own name or by the endpoint behind it. */
static bool has_endpoint(const struct cluster *c, const char *host)
{
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		const struct name_watch *n = &c->names[i];

		if (n->used && (strcmp(n->text, host) == 0 || strcmp(n->endpoint, host) == 0))
			return true;
	}
	return false;
}

bool cluster_takes_over(const struct cluster *c, const char *green, char ret[static PEL_NAME_MAX])
{
	const char *domain = strchr(green, '.');

	if (!domain || !bluegreen_base(green, ret))
		return false;
	if (pel_name_kind(green) == PEL_KIND_WRITER)
		return has_endpoint(c, ret);
	return strcmp(domain + 1, c->topology.config.domain) == 0;
}

/* A side that was left keeps its table for ever, and may have a name that somebody follows. */
static bool is_ours(const struct cluster *c, const struct bluegreen_table *t)
{
	char base[PEL_NAME_MAX];

	for (unsigned i = 0; i < t->n; i++) {
		const char *host = t->rows[i].host;

		if (pel_name_kind(host) != PEL_KIND_WRITER)
			continue;
		if (t->rows[i].green && bluegreen_base(host, base))
			host = base;
		if (has_endpoint(c, host))
			return true;
	}
	return false;
}

static void say(const struct cluster *c, enum bluegreen_step was, enum bluegreen_step is)
{
	static const char *const texts[] = {[BLUEGREEN_IDLE] = "the blue/green deployment is over",
		[BLUEGREEN_READY] = "there is a blue/green deployment",
		[BLUEGREEN_NEAR] = "a blue/green switchover is about to begin",
		[BLUEGREEN_HELD] = "a blue/green switchover is in progress: new connects wait",
		[BLUEGREEN_AWAITED] = "a blue/green switchover is in progress",
		[BLUEGREEN_SWITCHED] = "green takes writes"};
	bool back = is == BLUEGREEN_READY && was >= BLUEGREEN_HELD;

	log_event(c->o->log, LOG_INFO, "blue-green", c->title, NULL, "%s",
		back ? "the blue/green switchover was rolled back" : texts[is]);
}

static enum pace_kind steady_of(enum bluegreen_step step)
{
	if (step == BLUEGREEN_HELD || step == BLUEGREEN_AWAITED)
		return PACE_GREEN_NOW;
	return step == BLUEGREEN_NEAR || step == BLUEGREEN_SWITCHED ? PACE_GREEN_NEAR : PACE_ROLE;
}

/* Who waits is to look again, or not to begin to. */
static void publish_hold(struct cluster *c, bool holds)
{
	const struct topology_member *w = topology_member(&c->topology, c->topology.writer);

	c->held_identity = holds && w ? w->identity : 0;
	c->topology.epoch++;
	cluster_note(c, TOPOLOGY_EPOCH | (holds ? 0 : TOPOLOGY_WRITER));
}

/* Does what another step asks for. */
static void turn(struct cluster *c, enum bluegreen_step was)
{
	enum bluegreen_step is = (enum bluegreen_step)c->bluegreen.step;

	if (was == is)
		return;
	say(c, was, is);
	schedule_set_steady(&c->schedule, steady_of(is), cluster_now(c));
	if (is == BLUEGREEN_IDLE)
		cluster_green_free(c);
	else
		cluster_green_find(c);
	if (is == BLUEGREEN_HELD)
		publish_hold(c, true);
	else if (is == BLUEGREEN_SWITCHED)
		cluster_green_take_over(c);
	else if (c->held_identity)
		publish_hold(c, false);
	cluster_kick(c);
}

void cluster_bluegreen_release(struct cluster *c)
{
	if (c->held_identity)
		publish_hold(c, false);
}

void cluster_bluegreen_end(struct cluster *c)
{
	enum bluegreen_step was = (enum bluegreen_step)c->bluegreen.step;

	(void)bluegreen_end(&c->bluegreen);
	turn(c, was);
}

bool cluster_bluegreen_is_due(const struct cluster *c, unsigned slot)
{
	uint64_t each_ns = pace_wait_ns(bluegreen_pace(&c->bluegreen), 1, 0);

	return c->dialect->queries[DIALECT_BLUEGREEN] &&
		(slot == c->topology.writer || c->topology.writer == PEL_NONE) &&
		cluster_now(c) >= c->bluegreen_asked_ns + each_ns;
}

static void refused(struct cluster *c, const struct member_answer *answer)
{
	static const char *const grants[] = {"SELECT ON " BLUEGREEN_TABLE, NULL};
	char remedy[REMEDY_MAX];

	c->bluegreen_refused = dialect_why(answer->error) == PEL_WHY_DENIED;
	if (c->bluegreen_told || !c->bluegreen_refused)
		return;
	c->bluegreen_told = true;
	remedy_of_question(answer->text ? answer->text : "", NULL, grants, remedy, sizeof(remedy));
	log_event(c->o->log, LOG_INFO, "blue-green-unseen", c->title, NULL,
		"a blue/green switchover would be followed by DNS alone; what mends it: %s",
		remedy);
}

/* Everybody is asked while there is no writer, but for blue speaks who was it last, if anybody was. */
static bool is_bystander(struct cluster *c, const struct link *link)
{
	if (c->topology.writer != PEL_NONE)
		c->blue = &c->probes[c->topology.writer].first;
	return c->blue && link != c->blue;
}

int cluster_bluegreen_read(struct cluster *c, const struct link *link,
	const struct member_answer *answer, struct evidence *ret)
{
	enum bluegreen_step was = (enum bluegreen_step)c->bluegreen.step;
	struct bluegreen_table table;
	struct bluegreen_word word = {.side = cluster_green_side(c, link)};
	int r;

	if (answer->error || !answer->cells) {
		refused(c, answer);
		return -ENODATA;
	}
	r = bluegreen_read(answer->cells, &table);
	if (r < 0)
		return r;
	c->bluegreen_refused = false;
	ret->role = table.role;
	ret->has = table.role == PEL_ROLE_UNKNOWN ? 0 : EVIDENCE_ROLE;
	word.open = table.open;
	word.bystander = word.side == BLUEGREEN_BLUE && is_bystander(c, link);
	if (is_ours(c, &table))
		word.status = bluegreen_told(&table, word.side);
	c->bluegreen.hold_ns = c->config->hold_ms * LOOP_MS;
	(void)bluegreen_feed(&c->bluegreen, &word, answer->received_ns);
	turn(c, was);
	cluster_green_note(c, &table);
	return ret->has ? 0 : -ENODATA;
}

void cluster_bluegreen_tick(struct cluster *c, uint64_t now_ns)
{
	enum bluegreen_step was = (enum bluegreen_step)c->bluegreen.step;

	(void)bluegreen_tick(&c->bluegreen, now_ns);
	turn(c, was);
	/* Green may take writes, and not come to tell its table. */
	if (now_ns >= c->bluegreen.held_ns + c->bluegreen.hold_ns)
		cluster_bluegreen_release(c);
	if (!c->green && c->bluegreen.step == BLUEGREEN_SWITCHED)
		cluster_bluegreen_end(c); /* for want of memory */
	cluster_green_tick(c, now_ns);
}

uint64_t cluster_bluegreen_deadline(const struct cluster *c)
{
	uint64_t due = bluegreen_deadline(&c->bluegreen), green = cluster_green_deadline(c);

	return due < green ? due : green;
}

/* Where there is no reader to be had, a reader's name waits for a writer too. */
static void hold(const struct cluster *c, struct pel_hot *hot)
{
	bool writer = hot->writer != PEL_NONE;

	if (writer ? hot->instances[hot->writer].identity != c->held_identity
		   : hot->state != PEL_STATE_WRITERLESS)
		return;
	if (writer)
		hot->instances[hot->writer].role = PEL_ROLE_UNKNOWN;
	for (unsigned i = 0; i < hot->n_instances; i++) {
		struct pel_hot_instance *in = &hot->instances[i];

		if (in->admission == PEL_ADMITTED)
			in->admission = PEL_ADMIT_HELD;
	}
	hot->writer = PEL_NONE;
	hot->state = PEL_STATE_WRITERLESS;
	hot->writerless_ns = c->bluegreen.held_ns;
}

void cluster_bluegreen_show(const struct cluster *c, struct pel_hot *hot, struct pel_cold *cold)
{
	if (c->held_identity)
		hold(c, hot);
	cluster_green_close(c, hot, cold);
}
