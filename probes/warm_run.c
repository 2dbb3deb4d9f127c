/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One warm-up of one instance.
 *
 * A hand is a connection that takes one statement after the other.  One that loses its connection,
 * or gives a statement up because it is late, logs in again; one that cannot is out, and the run is
 * lost with the last of them or with the lock.  The list is done when no hand has anything to do.
 */
#include "warm_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_QUERY "SELECT GET_LOCK('pelorus.warm', 0), IS_USED_LOCK('pelorus.warmed')"
#define DONE_QUERY "SELECT GET_LOCK('pelorus.warmed', 0), RELEASE_LOCK('pelorus.warm')"
#define LOCK_EACH_NS (250 * LOOP_MS)
#define LOCK_LIMIT_NS (10 * LOOP_S)
#define SETUP_LIMIT_NS (10 * LOOP_S)
#define GRACE_NS (2 * LOOP_S) /* for the server to end a statement by itself */

/* What a session is made of; all of it has to succeed but the limits, which have two spellings. */
enum hand_step { HAND_READ_ONLY = 0, HAND_MODE, HAND_LIMIT, HAND_LIMIT_MYSQL, HAND_USE, HAND_RUN };

struct hand {
	struct warm_run *run;
	struct link link;
	enum hand_step step;
	unsigned statement; /* under way, or to be run next; index */
	bool busy;          /* it has a statement */
	bool out;
	unsigned database;  /* of the session; see warm_list.h */
	char query[WARM_DATABASE_MAX + 64];
};

struct warm_run {
	struct warm_run_options options;
	struct cluster *cluster;
	char host[PEL_NAME_MAX];
	struct link lock;
	struct loop_timer again; /* the lock is asked for again */
	struct loop_timer end;   /* tells that the run is lost, when nobody is in the midst of it */
	bool lost;
	char text[200];
	const struct warm_list *list;
	unsigned next;
	bool finishing; /* the lock's connection says that it is done */
	struct warm_counts counts;
	struct hand hands[WARM_HANDS];
};

static void hand_open(struct hand *h);
static void lock_ask(void *ctx);

static void tell(struct warm_run *r, enum warm_event event, const char *text)
{
	r->options.told(r->options.ctx, event, text);
}

static void tell_lost(void *ctx)
{
	struct warm_run *r = ctx;

	tell(r, WARM_LOST, r->text);
}

static void lose(struct warm_run *r, const char *text)
{
	if (r->lost)
		return;
	r->lost = true;
	(void)snprintf(r->text, sizeof(r->text), "%s",
		text && *text ? text : "the connection was lost");
	loop_timer_set(r->cluster->engine->loop, &r->end, 0);
}

static void hands_close(struct warm_run *r)
{
	for (unsigned i = 0; i < WARM_HANDS; i++) {
		if (r->hands[i].run)
			link_close(r->cluster, &r->hands[i].link);
	}
}

static void count(struct hand *h, const char *error)
{
	struct warm_counts *c = &h->run->counts;

	h->busy = false;
	c->done++;
	if (!error)
		return;
	if (c->failed++ == 0)
		(void)snprintf(c->error, sizeof(c->error), "%s", error);
}

static bool is_anybody_left(const struct warm_run *r)
{
	for (unsigned i = 0; i < r->options.parallel; i++) {
		if (!r->hands[i].out)
			return true;
	}
	return false;
}

static void finish(struct warm_run *r)
{
	if (r->finishing)
		return;
	if (r->counts.failed == r->counts.total) {
		char text[200];

		(void)snprintf(text, sizeof(text), "no statement worked: %s", r->counts.error);
		lose(r, text);
		return;
	}
	r->finishing = true;
	if (member_ask(r->lock.member, DONE_QUERY, LOCK_LIMIT_NS) < 0)
		lose(r, "the lock's connection is busy");
}

static void run_statement(struct hand *h)
{
	struct warm_run *r = h->run;
	const struct warm_statement *s = &r->list->statements[h->statement];

	if (s->database && s->database != h->database) {
		h->step = HAND_USE;
		(void)snprintf(h->query, sizeof(h->query), "USE %s",
			r->list->databases[s->database - 1]);
		(void)member_drain(h->link.member, h->query, strlen(h->query), SETUP_LIMIT_NS);
		return;
	}
	h->step = HAND_RUN;
	(void)member_drain(h->link.member, s->text, s->n, r->options.statement_ns + GRACE_NS);
}

/* The next statement, for a hand whose session is ready; the last one out tells the end. */
static void hand_next(struct hand *h)
{
	struct warm_run *r = h->run;

	if (r->next < r->list->n) {
		h->busy = true;
		h->statement = r->next++;
		run_statement(h);
	}
	tell(r, WARM_PROGRESS, NULL);
}

static void setup(struct hand *h, enum hand_step step)
{
	uint64_t ms = h->run->options.statement_ns / LOOP_MS;

	h->step = step;
	if (step == HAND_LIMIT)
		(void)snprintf(h->query, sizeof(h->query),
			"SET SESSION max_statement_time = %llu.%03llu",
			(unsigned long long)ms / 1000, (unsigned long long)ms % 1000);
	else if (step == HAND_LIMIT_MYSQL)
		(void)snprintf(h->query, sizeof(h->query), "SET SESSION max_execution_time = %llu",
			(unsigned long long)ms);
	else
		strcpy(h->query, step == HAND_READ_ONLY ? "SET SESSION TRANSACTION READ ONLY"
							: "SET SESSION sql_mode = ''");
	(void)member_drain(h->link.member, h->query, strlen(h->query), SETUP_LIMIT_NS);
}

static void hand_leave(struct hand *h, const char *text)
{
	struct warm_run *r = h->run;

	link_close(r->cluster, &h->link);
	if (h->busy)
		count(h, text);
	h->out = true;
	if (!is_anybody_left(r))
		lose(r, text);
	else if (r->counts.done == r->counts.total)
		finish(r);
}

static void hand_answered(struct hand *h, const struct member_answer *answer)
{
	struct warm_run *r = h->run;

	switch (h->step) {
	case HAND_READ_ONLY:
	case HAND_MODE:
		if (answer->error)
			hand_leave(h, answer->text);
		else
			setup(h, h->step == HAND_READ_ONLY ? HAND_MODE : HAND_LIMIT);
		return;
	case HAND_LIMIT:
		if (answer->error) {
			setup(h, HAND_LIMIT_MYSQL);
			return;
		}
		break;
	case HAND_LIMIT_MYSQL:
		break;
	case HAND_USE:
		if (answer->error) {
			count(h, answer->text);
			break;
		}
		h->database = r->list->statements[h->statement].database;
		run_statement(h);
		return;
	case HAND_RUN:
		count(h, answer->error ? answer->text : NULL);
		break;
	}
	if (r->counts.done == r->counts.total)
		finish(r);
	hand_next(h);
}

static void hand_failed(struct hand *h, const struct member_failure *failure)
{
	struct warm_run *r = h->run;
	const char *text = failure->text && *failure->text ? failure->text : "the connection ended";

	link_failed(r->cluster, &h->link, failure);
	if (!h->link.ready || h->step != HAND_RUN) {
		hand_leave(h, text);
		return;
	}
	link_close(r->cluster, &h->link);
	if (h->busy)
		count(h, failure->kind == MEMBER_LATE ? "it took too long" : text);
	if (r->next < r->list->n) {
		hand_open(h);
		tell(r, WARM_PROGRESS, NULL);
		return;
	}
	h->out = r->counts.done < r->counts.total;
	if (r->counts.done == r->counts.total)
		finish(r);
}

static void hand_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct hand *h = ctx;

	if (event == MEMBER_READY) {
		link_ready(h->run->cluster, &h->link);
		setup(h, HAND_READ_ONLY);
	} else if (event == MEMBER_ANSWERED) {
		hand_answered(h, answer);
	} else if (event == MEMBER_FAILED) {
		hand_failed(h, failure);
	}
}

static void hand_open(struct hand *h)
{
	struct warm_run *r = h->run;
	int e = link_open(r->cluster, &h->link, &r->options.addr, r->host, hand_told, h);

	h->database = 0;
	if (e < 0)
		hand_leave(h, e == -EACCES ? "there is no credential to log in with" : strerror(-e));
}

void warm_run_start(struct warm_run *r, const struct warm_list *list)
{
	r->list = list;
	r->next = 0;
	r->counts = (struct warm_counts){.total = list->n};
	if (r->options.parallel > list->n)
		r->options.parallel = list->n;
	for (unsigned i = 0; i < r->options.parallel; i++)
		r->hands[i] = (struct hand){.run = r, .link.ticket = NO_TICKET};
	for (unsigned i = 0; i < r->options.parallel; i++) {
		if (!r->hands[i].link.member && !r->hands[i].out)
			hand_open(&r->hands[i]);
	}
}

static void lock_answered(struct warm_run *r, const struct member_answer *answer)
{
	const char *const *row = answer->cells ? answer->cells->next(answer->cells->context) : NULL;
	bool got = row && row[0] && strcmp(row[0], "1") == 0;

	if (r->finishing) {
		hands_close(r);
		tell(r, WARM_DONE, NULL);
		return;
	}
	if (!row) {
		lose(r, answer->text);
	} else if (got && (!row[1] || r->options.again)) {
		tell(r, WARM_LOCKED, NULL);
	} else if (row[1] && !r->options.again) {
		tell(r, WARM_WARMED, NULL);
	} else {
		loop_timer_set_in(r->cluster->engine->loop, &r->again, LOCK_EACH_NS);
		tell(r, WARM_TAKEN, NULL);
	}
}

static void lock_ask(void *ctx)
{
	struct warm_run *r = ctx;

	if (!r->lock.member || member_ask(r->lock.member, LOCK_QUERY, LOCK_LIMIT_NS) < 0)
		lose(r, NULL);
}

static void lock_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct warm_run *r = ctx;

	if (event == MEMBER_READY) {
		link_ready(r->cluster, &r->lock);
		lock_ask(r);
	} else if (event == MEMBER_ANSWERED) {
		lock_answered(r, answer);
	} else if (event == MEMBER_FAILED) {
		lose(r, failure->text);
		link_failed(r->cluster, &r->lock, failure);
		loop_timer_stop(r->cluster->engine->loop, &r->again);
	}
}

int warm_run_open(const struct warm_run_options *options, struct warm_run **ret)
{
	struct warm_run *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->cluster = options->cluster;
	if (r->options.parallel > WARM_HANDS)
		r->options.parallel = WARM_HANDS;
	strncpy(r->host, options->host, sizeof(r->host) - 1);
	r->options.host = r->host;
	loop_timer_init(&r->again, lock_ask, r);
	loop_timer_init(&r->end, tell_lost, r);
	e = link_open(r->cluster, &r->lock, &options->addr, r->host, lock_told, r);
	if (e < 0) {
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}

const struct warm_counts *warm_run_counts(const struct warm_run *r)
{
	return &r->counts;
}

void warm_run_close(struct warm_run *r)
{
	if (!r)
		return;
	loop_timer_stop(r->cluster->engine->loop, &r->again);
	loop_timer_stop(r->cluster->engine->loop, &r->end);
	link_close(r->cluster, &r->lock);
	hands_close(r);
	free(r);
}
