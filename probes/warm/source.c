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
	const struct links *links;
	struct warm_memory *memory;
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
	char problem[CONFIG_URL_MAX + 80];
	struct file file;
	int r = file_read(path, WARM_TEXT_MAX, FILE_ANY, &file);

	if (r < 0) {
		(void)snprintf(problem, sizeof(problem), "%s: %s", path, strerror(-r));
		tell(s, problem);
		return;
	}
	take(s, file.text, file.n);
	file_free(&file);
}

static void memory_forget(struct warm_memory *m)
{
	free(m->body);
	m->body = NULL;
	m->url[0] = m->etag[0] = '\0';
}

/* Keeps a document for the next time. */
static void memory_keep(struct warm_memory *m, const char *url, const struct remote_fetched *answer)
{
	memory_forget(m);
	if (!answer->etag[0])
		return;
	m->body = malloc(answer->size + 1);
	if (!m->body)
		return;
	memcpy(m->body, answer->body, answer->size);
	m->size = answer->size;
	(void)snprintf(m->url, sizeof(m->url), "%s", url);
	(void)snprintf(m->etag, sizeof(m->etag), "%s", answer->etag);
}

void warm_memory_deinit(struct warm_memory *memory)
{
	memory_forget(memory);
	*memory = (struct warm_memory){0};
}

static void fetched(void *ctx, const struct remote_fetched *answer)
{
	struct warm_source *s = ctx;
	struct warm_memory *m = s->memory;

	s->call = NULL;
	if (answer->problem) {
		tell(s, answer->problem);
	} else if (answer->unchanged && m->body) {
		take(s, m->body, m->size);
	} else {
		memory_keep(m, s->from, answer);
		take(s, answer->body, answer->size);
	}
}

static void take_url(struct warm_source *s)
{
	const struct warm_memory *m = s->memory;
	bool known = m->body && strcmp(m->url, s->from) == 0;
	int r = s->options.fetch(s->options.ctx, s->from, known ? m->etag : "", fetched, s,
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
		if (!s->memory->no_samples)
			log_event(s->links->log, LOG_WARNING, "warm-up-no-samples", s->links->name,
				NULL,
				"the servers keep no samples of statements (%s): "
				"their history is taken",
				answer->text);
		s->memory->no_samples = true;
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
		link_ready(s->links, &s->link);
		ask(s);
	} else if (event == MEMBER_ANSWERED) {
		answered(s, answer);
	} else if (event == MEMBER_FAILED) {
		(void)snprintf(problem, sizeof(problem), "a reader cannot be asked: %s",
			failure->text ? failure->text : "no connection");
		link_failed(s->links, &s->link, failure);
		tell(s, problem);
	}
}

static void take_digests(struct warm_source *s)
{
	struct pel_addr addr;
	struct link_options options = {.addr = &addr, .told = told, .ctx = s};

	s->history = s->memory->no_samples;
	if (!s->options.teller(s->options.ctx, &addr, &options.host) ||
		link_open(s->links, &s->link, &options) < 0)
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
	s->links = options->links;
	s->memory = options->memory;
	s->link.ticket = NO_TICKET;
	(void)snprintf(s->from, sizeof(s->from), "%s", options->from);
	warm_list_init(&s->list, options->limit);
	loop_timer_init(&s->timer, begin, s);
	loop_timer_set(s->links->loop, &s->timer, 0);
	*ret = s;
	return 0;
}

void warm_source_close(struct warm_source *s)
{
	if (!s)
		return;
	loop_timer_stop(s->links->loop, &s->timer);
	link_close(s->links, &s->link);
	if (s->call)
		s->options.fetch_cancel(s->options.ctx, s->call);
	warm_list_deinit(&s->list);
	free(s);
}
