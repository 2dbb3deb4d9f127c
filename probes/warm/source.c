/* SPDX-License-Identifier: Apache-2.0 */
/* Where the statements of a warm-up come from. */
#include "source.h"

#include "base/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_LIMIT_NS (10 * LOOP_S)
#define QUERY_MAX 1024
#define CUT_LENGTH 1021 /* where performance_schema cuts a text by default, less its dots */

struct warm_source {
	struct warm_source_options options;
	struct cluster *cluster;
	char from[CONFIG_URL_MAX];
	struct loop_timer timer;
	struct link link;
	bool history; /* this server has no samples */
	struct remote_fetch *call;
	struct warm_list list;
};

static void tell(struct warm_source *s, const char *problem)
{
	char text[160];

	if (!problem && s->list.n == 0) {
		(void)snprintf(text, sizeof(text),
			s->list.refused ? "none of its %u statements is a plain read"
					: "it has no statements",
			s->list.refused);
		problem = text;
	}
	s->options.told(s->options.ctx, problem ? NULL : &s->list, problem);
}

static void take(struct warm_source *s, const char *text, size_t n)
{
	tell(s, warm_list_parse(&s->list, text, n) < 0 ? "out of memory" : NULL);
}

static void take_file(struct warm_source *s, const char *path)
{
	char *text, problem[CONFIG_URL_MAX + 80];
	size_t n;
	int r = read_file(path, WARM_TEXT_MAX, READ_FILE_ANY, &text, &n);

	if (r < 0) {
		(void)snprintf(problem, sizeof(problem), "%s: %s", path, strerror(-r));
		tell(s, problem);
		return;
	}
	take(s, text, n);
	free(text);
}

static void fetched(void *ctx, const struct remote_fetched *answer)
{
	struct warm_source *s = ctx;
	struct warm_cache *cache = &s->cluster->warm_cache;

	s->call = NULL;
	if (answer->problem) {
		tell(s, answer->problem);
	} else if (answer->unchanged && cache->body) {
		take(s, cache->body, cache->size);
	} else {
		cluster_warm_cache(s->cluster, s->from, answer);
		take(s, answer->body, answer->size);
	}
}

static void take_url(struct warm_source *s)
{
	struct warm_cache *cache = &s->cluster->warm_cache;
	bool known = cache->body && strcmp(cache->url, s->from) == 0;
	int r = engine_remote_fetch(s->cluster, s->from, known ? cache->etag : "", fetched, s,
		&s->call);

	if (r == -EPERM)
		tell(s, "plain http goes only to this host, unless allow-http is set");
	else if (r < 0)
		tell(s, strerror(-r));
}

/* A text that was cut is none that could be run. */
static bool is_cut(const char *text, size_t n)
{
	return n >= CUT_LENGTH && memcmp(text + n - 3, "...", 3) == 0;
}

static void take_rows(struct warm_source *s, const struct pel_cells *cells)
{
	const char *const *row;
	int r = 0;

	while (r == 0 && cells->n_columns == 2 && (row = cells->next(cells->context))) {
		if (row[1] && !is_cut(row[1], strlen(row[1])))
			r = warm_list_add(&s->list, row[1], strlen(row[1]), row[0]);
	}
	tell(s, r < 0 ? "out of memory" : NULL);
}

static void ask(struct warm_source *s)
{
	/* More than are wanted, for some of them will be refused. */
	static const char samples[] =
		"SELECT SCHEMA_NAME, QUERY_SAMPLE_TEXT"
		" FROM performance_schema.events_statements_summary_by_digest"
		" WHERE SCHEMA_NAME IS NOT NULL AND DIGEST_TEXT LIKE 'SELECT%%'"
		" ORDER BY SUM_TIMER_WAIT DESC LIMIT %u";
	static const char history[] =
		"SELECT MAX(CURRENT_SCHEMA), MAX(SQL_TEXT) FROM"
		" (SELECT DIGEST, CURRENT_SCHEMA, SQL_TEXT, TIMER_WAIT, ERRORS"
		" FROM performance_schema.events_statements_history UNION ALL"
		" SELECT DIGEST, CURRENT_SCHEMA, SQL_TEXT, TIMER_WAIT, ERRORS"
		" FROM performance_schema.events_statements_history_long) AS h"
		" WHERE CURRENT_SCHEMA IS NOT NULL AND SQL_TEXT LIKE 'SELECT%%' AND ERRORS = 0"
		" GROUP BY DIGEST, SQL_TEXT ORDER BY SUM(TIMER_WAIT) DESC LIMIT %u";
	char query[QUERY_MAX];

	(void)snprintf(query, sizeof(query), s->history ? history : samples, 4 * s->list.limit);
	if (member_ask(s->link.member, query, ASK_LIMIT_NS) < 0)
		tell(s, "the reader's connection is busy");
}

static void answered(struct warm_source *s, const struct member_answer *answer)
{
	char problem[200];

	if (answer->cells) {
		take_rows(s, answer->cells);
	} else if (answer->error && !s->history) {
		s->history = true;
		if (!s->cluster->warm_no_samples)
			log_event(s->cluster->engine->log, LOG_WARNING, "warm-up-no-samples",
				s->cluster->names[0].text, NULL,
				"the servers keep no samples of statements (%s): "
				"their history is taken",
				answer->text);
		s->cluster->warm_no_samples = true;
		ask(s);
	} else {
		(void)snprintf(problem, sizeof(problem), "a reader refuses its statements: %s",
			answer->text ? answer->text : "an odd answer");
		tell(s, problem);
	}
}

static void told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct warm_source *s = ctx;
	char problem[200];

	if (event == MEMBER_READY) {
		link_ready(s->cluster, &s->link);
		ask(s);
	} else if (event == MEMBER_ANSWERED) {
		answered(s, answer);
	} else if (event == MEMBER_FAILED) {
		(void)snprintf(problem, sizeof(problem), "a reader cannot be asked: %s",
			failure->text ? failure->text : "no connection");
		link_failed(s->cluster, &s->link, failure);
		tell(s, problem);
	}
}

/* An admitted reader that answers; the writer if there is none. */
static unsigned teller(const struct warm_source *s)
{
	const struct topology *t = &s->cluster->topology;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = topology_member(t, i);

		if (m && m->live && m->role == PEL_ROLE_READER && m->admission == PEL_ADMITTED &&
			i != s->options.slot)
			return i;
	}
	return t->writer;
}

static void take_digests(struct warm_source *s)
{
	struct cluster *c = s->cluster;
	unsigned slot = teller(s);
	struct pel_addr addr;
	int r = -ENOTCONN;

	s->history = c->warm_no_samples;
	if (slot < PEL_MAP_INSTANCES && topology_login_addr(&c->topology, slot, &addr))
		r = link_open(c, &s->link, &addr, probe_host(&c->probes[slot]), told, s);
	if (r < 0)
		tell(s, "there is no reader to take statements from");
}

static void begin(void *ctx)
{
	struct warm_source *s = ctx;

	if (strncmp(s->from, "file:", 5) == 0)
		take_file(s, s->from + 5);
	else if (strcmp(s->from, "digest") == 0)
		take_digests(s);
	else
		take_url(s);
}

int warm_source_open(const struct warm_source_options *options, struct warm_source **ret)
{
	struct warm_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->cluster = options->cluster;
	s->link.ticket = NO_TICKET;
	(void)snprintf(s->from, sizeof(s->from), "%s", options->from);
	warm_list_init(&s->list, s->cluster->config->warm_up_limit);
	loop_timer_init(&s->timer, begin, s);
	loop_timer_set(s->cluster->engine->loop, &s->timer, 0);
	*ret = s;
	return 0;
}

void warm_source_close(struct warm_source *s)
{
	if (!s)
		return;
	loop_timer_stop(s->cluster->engine->loop, &s->timer);
	link_close(s->cluster, &s->link);
	if (s->call)
		engine_remote_fetch_cancel(s->cluster, s->call);
	warm_list_deinit(&s->list);
	free(s);
}
