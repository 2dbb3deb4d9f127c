/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster as JSON, and as metrics are made of it.  Ids and names are validated host names:
 * nothing in them needs escaping.
 */
#include "internal.h"

#include "common/words.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

const char *const cluster_verdicts[] = {"none", "untried", "good", "denied", NULL};

static const char *verdict(const struct cluster *c)
{
	return cluster_verdicts[credentials_verdict(c->links.credentials)];
}

static void put_addr(FILE *out, const struct pel_addr *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (addr->family)
		(void)inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, text,
			sizeof(text));
	(void)fprintf(out, "\"%s\"", text);
}

static void put_member(FILE *out, const struct cluster *c, unsigned slot)
{
	const struct topology_member *m = topology_member(&c->topology, slot);
	const struct probe *p = &c->probes[slot];

	(void)fprintf(out, "{\"id\":\"%s\",\"host\":\"%s\",\"address\":", m->id, m->host);
	put_addr(out, &m->addr);
	(void)fprintf(out,
		",\"role\":\"%s\",\"self_role\":\"%s\",\"health\":\"%s\",\"connected\":%s,"
		"\"routable\":%s,\"rtt_us\":%" PRIu32 ",\"lag_ms\":%" PRId64 "}",
		pel_word_of_role(m->role), pel_word_of_role(m->self_role),
		pel_word_of_health(m->health), p->first.told ? "true" : "false",
		m->routable ? "true" : "false", m->rtt_us,
		m->lag_ms == PEL_LAG_UNKNOWN ? INT64_C(-1) : (int64_t)m->lag_ms);
}

static void put_warm_totals(FILE *out, const struct warm_totals *w)
{
	(void)fprintf(out,
		"\"warm_up\":{\"runs\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"time_outs\":%" PRIu64
		",\"statement_failures\":%" PRIu64 ",\"statements_refused\":%" PRIu64 "}",
		w->runs, w->failures, w->time_outs, w->statement_failures, w->statements_refused);
}

static void put_waits(FILE *out, const struct cluster_waits *w)
{
	(void)fprintf(out,
		"\"held\":{\"now\":%" PRIu32 ",\"programs\":%" PRIu32 ",\"waited\":%" PRIu64
		",\"given_up\":%" PRIu64 ",\"longest_ms\":%" PRIu32 "},",
		w->held, w->programs, w->waited, w->given_up, w->longest_ms);
}

void cluster_put_status(const struct cluster *c, FILE *out)
{
	const struct topology *t = &c->topology;
	const char *comma = "";

	(void)fprintf(out,
		"{\"key\":\"%s\",\"record\":%u,\"mode\":\"%s\",\"state\":\"%s\",\"why\":\"%s\",\"dialect\":\"%s\","
		"\"credentials\":\"%s\",\"blue_green\":\"%s\",\"alarm\":%s,\"epoch\":%" PRIu64
		",\"names\":[",
		c->key, c->record, pel_word_of_mode(map_write_mode_of(c->o->map, c->record)),
		pel_word_of_state(t->state), pel_word_of_why(t->why), c->dialect->name, verdict(c),
		c->bluegreen_refused ? "refused"
				     : bluegreen_word_of((enum bluegreen_step)c->bluegreen.step),
		c->alarm ? "true" : "false", map_write_hot(c->o->map, c->record)->epoch);
	for (unsigned i = 0; i < PEL_MAP_NAMES; i++) {
		if (!c->names[i].used)
			continue;
		(void)fprintf(out, "%s{\"name\":\"%s\",\"role\":\"%s\",\"wanted\":%s}", comma,
			c->names[i].text, pel_word_of_role(t->names[i].role),
			c->names[i].wanted ? "true" : "false");
		comma = ",";
	}
	(void)fprintf(out, "],");
	put_warm_totals(out, &c->warm_totals);
	(void)fputc(',', out);
	put_waits(out, &c->waits);
	(void)fprintf(out, "\"instances\":[");
	comma = "";
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (!topology_member(t, i))
			continue;
		(void)fputs(comma, out);
		put_member(out, c, i);
		comma = ",";
	}
	(void)fprintf(out, "]}");
}

void cluster_metrics(const struct cluster *c, struct cluster_metrics *ret)
{
	*ret = (struct cluster_metrics){.name = c->title,
		.hot = map_write_hot(c->o->map, c->record),
		.cold = map_write_cold(c->o->map, c->record),
		.credentials = verdict(c),
		.gaps = &c->gaps,
		.warm = &c->warm_totals,
		.writer_changes = c->writer_changes,
		.mode = map_write_mode_of(c->o->map, c->record),
		.in_fleet = c->config->publish[0],
		.leads_fleet = c->fleet == REMOTE_FLEET_LEADS};
}
