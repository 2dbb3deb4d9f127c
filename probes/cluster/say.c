/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's changes as lines of the log and events: what differs from what was last said. */
#include "internal.h"

#include "common/words.h"
#include "mysql/remedy.h"

#include <stdio.h>
#include <string.h>

static unsigned find_id(const struct pel_hot *hot, const struct pel_cold *cold, const char *id)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (strcmp(cold->instances[i].id, id) == 0)
			return i;
	}
	return PEL_NONE;
}

static void say_state(struct cluster *c, const struct pel_hot *hot, const struct pel_cold *cold)
{
	const char *name = c->title;
	struct log *log = c->o->log;

	switch (hot->state) {
	case PEL_STATE_KNOWN:
		if (hot->writer == PEL_NONE) {
			log_event(log, LOG_INFO, "readers-alone", name, NULL,
				"there are readers alone: the writer's name goes where DNS leads");
			break;
		}
		log_event(log, LOG_INFO, "writer-changed", name, cold->instances[hot->writer].id,
			"the writer is %s", cold->instances[hot->writer].id);
		break;
	case PEL_STATE_WRITERLESS:
		log_event(log, LOG_WARNING, "writer-lost", name, NULL, "there is no writer");
		break;
	default:
		log_event(log, hot->why == PEL_WHY_IDLE ? LOG_INFO : LOG_WARNING,
			"topology-unknown", name, NULL, "%s%s", pel_sentence_of_why(hot->why),
			hot->why == PEL_WHY_NO_CREDENTIALS
				? ": DNS alone; with a monitoring user the topology would be "
				  "followed within milliseconds"
				: "");
		break;
	}
}

static bool writer_is_same(const struct cluster *c, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	unsigned was = c->said.writer, is = hot->writer;

	if (hot->state != PEL_STATE_KNOWN || c->said.state != PEL_STATE_KNOWN)
		return hot->state != PEL_STATE_KNOWN;
	if (was == PEL_NONE || is == PEL_NONE)
		return was == is;
	return strcmp(cold->instances[is].id, c->said_cold.instances[was].id) == 0 &&
		hot->instances[is].identity == c->said.instances[was].identity;
}

/* A close look (suspect) is not worth a line, nor is the first verdict. */
static bool health_is_news(uint8_t was, uint8_t is)
{
	if (was == is || is == PEL_HEALTH_SUSPECT || is == PEL_HEALTH_UNKNOWN)
		return false;
	return is != PEL_HEALTH_OK || was >= PEL_HEALTH_STALLED;
}

static void say_lag(struct cluster *c, const char *id, const struct pel_hot_instance *was,
	const struct pel_hot_instance *is)
{
	bool lagged = is->flags & PEL_INST_LAGGED;

	if (lagged == !!(was->flags & PEL_INST_LAGGED))
		return;
	if (lagged && is->lag_ms == PEL_LAG_UNKNOWN) {
		log_event(c->o->log, LOG_WARNING, "instance-lag", c->title, id,
			"the replication of %s has stopped", id);
		return;
	}
	log_event(c->o->log, lagged ? LOG_WARNING : LOG_INFO, "instance-lag", c->title, id,
		lagged ? "%s lags by %u ms, more than max-lag"
		       : "%s lags by %u ms, and serves again",
		id, is->lag_ms == PEL_LAG_UNKNOWN ? 0 : is->lag_ms);
}

static void held_put(const struct pel_hot_instance *in, char *ret, size_t size)
{
	if (in->flags & PEL_INST_BY_HAND)
		(void)snprintf(ret, size, "is held by hand");
	else if (in->flags & PEL_INST_UNWARMED)
		(void)snprintf(ret, size, "is held, for its warm-up came to nothing");
	else if (in->lag_ms != PEL_LAG_UNKNOWN)
		(void)snprintf(ret, size, "is held (lag %u ms)", in->lag_ms);
	else
		(void)snprintf(ret, size, "is held");
}

/* What is new: nothing where it was admitted from the first. */
static void say_admission(struct cluster *c, const char *id, const struct pel_hot_instance *in,
	uint8_t was)
{
	static const struct {
		const char *code, *text;
	} words[] = {
		[PEL_ADMITTED] = {"instance-admitted", "is admitted to the readers"},
		[PEL_ADMIT_NEW] = {"instance-new", "is new"},
		[PEL_ADMIT_WARMING] = {"instance-warming", "is warming"},
		[PEL_ADMIT_HELD] = {"instance-held", ""},
	};
	const struct topology_member *m =
		topology_member(&c->topology, topology_find(&c->topology, id));
	bool held = in->admission == PEL_ADMIT_HELD;
	char text[80];

	if (in->admission == was)
		return;
	if (held && m && m->away) {
		log_event(c->o->log, LOG_INFO, "instance-held", c->title, id,
			"%s is of another region than home: no reader connections", id);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s", words[in->admission].text);
	if (held)
		held_put(in, text, sizeof(text));
	log_event(c->o->log, held ? LOG_WARNING : LOG_INFO, words[in->admission].code, c->title, id,
		"%s %s%s", id, text,
		in->admission == PEL_ADMITTED ? "" : ": no reader connections");
}

static void say_instances(struct cluster *c, const struct pel_hot *hot, const struct pel_cold *cold)
{
	const char *name = c->title;
	struct log *log = c->o->log;

	for (unsigned i = 0; i < hot->n_instances; i++) {
		const char *id = cold->instances[i].id;
		unsigned was = find_id(&c->said, &c->said_cold, id);

		if (was == PEL_NONE)
			log_event(log, LOG_INFO, "instance-joined", name, id, "%s is a member", id);
		else if (health_is_news(c->said.instances[was].health, hot->instances[i].health))
			log_event(log, LOG_INFO, "instance-health", name, id, "%s is %s", id,
				pel_word_of_health(hot->instances[i].health));
		if (was != PEL_NONE)
			say_lag(c, id, &c->said.instances[was], &hot->instances[i]);
		say_admission(c, id, &hot->instances[i],
			was == PEL_NONE ? PEL_ADMITTED : c->said.instances[was].admission);
	}
	for (unsigned i = 0; i < c->said.n_instances; i++) {
		const char *id = c->said_cold.instances[i].id;

		if (find_id(hot, cold, id) == PEL_NONE)
			log_event(log, LOG_INFO, "instance-left", name, id,
				"%s is no member any more", id);
	}
}

/* Who waits no longer than `hold` is not told of a longer time. */
void cluster_say_waited(struct cluster *c, uint64_t since_ns)
{
	const struct cluster_waits *w = &c->waits;
	uint64_t ms = (cluster_now(c) - since_ns) / LOOP_MS;

	if (ms > c->config->hold_ms)
		ms = c->config->hold_ms;
	log_event(c->o->log, LOG_INFO, "connects-waited", c->title, NULL,
		"%u connect%s of %u program%s waited %.1f s", w->most, w->most == 1 ? "" : "s",
		w->most_programs, w->most_programs == 1 ? "" : "s", (double)ms / 1000);
}

void cluster_say_changes(struct cluster *c, const struct pel_hot *hot, const struct pel_cold *cold)
{
	/* All hosts of a fleet see the same: the leader's tells. */
	c->o->remote->muted = c->fleet == REMOTE_FLEET_FOLLOWS;
	say_instances(c, hot, cold);
	if (c->said.state != hot->state || c->said.why != hot->why ||
		!writer_is_same(c, hot, cold)) {
		if (hot->why != PEL_WHY_STARTING)
			say_state(c, hot, cold);
	}
	c->o->remote->muted = false;
	c->said = *hot;
	c->said_cold = *cold;
}

void cluster_say_denied(struct cluster *c, enum dialect_question question, const char *refusal)
{
	char remedy[REMEDY_MAX];

	if ((question == DIALECT_LAG && !c->config->max_lag_ms) || c->denied_told & 1u << question)
		return;
	c->denied_told |= (uint8_t)(1u << question);
	if (question == DIALECT_LAG) {
		log_event(c->o->log, LOG_WARNING, "lag-unknown", c->title, NULL,
			"max-lag plays no part: the user may not ask for the lag; what mends it: "
			"GRANT REPLICATION CLIENT ON *.* (MariaDB: SLAVE MONITOR) TO it");
		return;
	}
	remedy_of_question(refusal ? refusal : "", NULL, c->dialect->grants, remedy,
		sizeof(remedy));
	log_event(c->o->log, LOG_WARNING, "replicas-unknown", c->title, NULL,
		"only configured members are followed: the user may not ask the writer for its "
		"replicas; what mends it: %s",
		remedy);
}
