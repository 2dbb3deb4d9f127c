/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One warm-up of one instance.
 *
 * A hand is a connection that takes one statement after the other.  One that loses its connection,
 * or gives a statement up because it is late, logs in again; one that cannot is out, and the run is
 * lost with the last of them or with the lock.  The list is done when no hand has anything to do.
 *
 * A reader of Aurora gives nobody a named lock.  Then the writer keeps it: it is the same for all
 * probers as long as it is the writer, and the run is lost when it is no more.
 */
#include "run.h"

#include "lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_EACH_NS (500 * LOOP_MS) /* of each host that waits */
#define KEEP_EACH_NS LOOP_S          /* the lock is looked after */
#define LOCK_LIMIT_NS (10 * LOOP_S)
#define SETUP_LIMIT_NS (10 * LOOP_S)
#define GRACE_NS (2 * LOOP_S) /* for the server to end a statement by itself */

/* What the lock's connection was last asked. */
enum lock_step { LOCK_ASKING = 0, LOCK_KEEPING, LOCK_FINISHING };

/* What a session is made of; all of it has to succeed but the limits, which have two spellings. */
enum hand_step { HAND_READ_ONLY = 0, HAND_MODE, HAND_LIMIT, HAND_LIMIT_MYSQL, HAND_USE, HAND_RUN };

struct hand {
	struct warm_run *run;
	struct link link;
	enum hand_step step;
	unsigned statement; /* under way, or to be run next; index */
	bool busy;          /* it has a statement */
	bool out;
	unsigned database; /* of the session; see list.h */
	char query[WARM_DATABASE_MAX + 64];
};

struct warm_run {
	struct warm_run_options options;
	const struct links *links;
	char host[PEL_NAME_MAX];
	char id[PEL_ID_MAX];
	struct link lock;
	enum lock_step lock_step;
	unsigned keeper; /* slot of the writer that keeps the lock; PEL_NONE: the instance itself */
	struct loop_timer again; /* the lock is asked for again, or looked after */
	struct loop_timer end;   /* tells that the run is lost, when nobody is in the midst of it */
	bool lost;
	char text[200];
	const struct warm_list *list;
	unsigned next;
	bool finishing; /* nothing is left but to say so */
	struct warm_counts counts;
	struct hand hands[WARM_HANDS];
};

static void hand_open(struct hand *h);
static void lock_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure);
static void lock_finish(struct warm_run *r);

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
	loop_timer_set(r->links->loop, &r->end, 0);
}

static void hands_close(struct warm_run *r)
{
	for (unsigned i = 0; i < WARM_HANDS; i++) {
		if (r->hands[i].run)
			link_close(r->links, &r->hands[i].link);
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
	if (r->lock.member && member_is_idle(r->lock.member))
		lock_finish(r);
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
		strcpy(h->query,
			step == HAND_READ_ONLY ? "SET SESSION TRANSACTION READ ONLY"
					       : "SET SESSION sql_mode = ''");
	(void)member_drain(h->link.member, h->query, strlen(h->query), SETUP_LIMIT_NS);
}

static void hand_leave(struct hand *h, const char *text)
{
	struct warm_run *r = h->run;

	link_close(r->links, &h->link);
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

	link_failed(r->links, &h->link, failure);
	if (!h->link.ready || h->step != HAND_RUN) {
		hand_leave(h, text);
		return;
	}
	link_close(r->links, &h->link);
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
		link_ready(h->run->links, &h->link);
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
	const struct link_options options = {.addr = &r->options.addr,
		.host = r->host,
		.told = hand_told,
		.ctx = h};
	int e = link_open(r->links, &h->link, &options);

	h->database = 0;
	if (e < 0)
		hand_leave(h,
			e == -EACCES ? "there is no credential to log in with" : strerror(-e));
}

void warm_run_start(struct warm_run *r, const struct warm_list *list)
{
	r->list = list;
	r->next = 0;
	r->counts = (struct warm_counts){.total = list->n};
	loop_timer_set(r->links->loop, &r->again, 0);
	if (r->options.parallel > list->n)
		r->options.parallel = list->n;
	for (unsigned i = 0; i < r->options.parallel; i++)
		r->hands[i] = (struct hand){.run = r, .link.ticket = NO_TICKET};
	for (unsigned i = 0; i < r->options.parallel; i++) {
		if (!r->hands[i].link.member && !r->hands[i].out)
			hand_open(&r->hands[i]);
	}
}

static void lock_put(struct warm_run *r, enum lock_step step, const char *query)
{
	r->lock_step = step;
	if (!r->lock.member || member_ask(r->lock.member, query, LOCK_LIMIT_NS) < 0)
		lose(r, NULL);
}

static void lock_finish(struct warm_run *r)
{
	char query[WARM_LOCK_QUERY_MAX];

	warm_lock_done(r->id, query);
	lock_put(r, LOCK_FINISHING, query);
}

static void lock_ask(struct warm_run *r)
{
	char query[WARM_LOCK_QUERY_MAX];

	warm_lock_ask(r->id, query);
	lock_put(r, LOCK_ASKING, query);
}

/* Its server shall neither end the connection for its silence, nor be the writer no more. */
static void lock_keep(struct warm_run *r)
{
	struct pel_addr addr;
	const char *host;

	if (r->keeper != PEL_NONE && r->keeper != r->options.keeper(r->options.ctx, &addr, &host)) {
		lose(r, "the writer that kept the lock is no more");
		return;
	}
	if (!r->finishing && member_is_idle(r->lock.member))
		lock_put(r, LOCK_KEEPING, "SELECT 1");
	loop_timer_set_in(r->links->loop, &r->again, KEEP_EACH_NS);
}

static void lock_again(void *ctx)
{
	struct warm_run *r = ctx;

	if (r->list)
		lock_keep(r);
	else
		lock_ask(r);
}

static int lock_open(struct warm_run *r, const struct pel_addr *addr, const char *host)
{
	const struct link_options options = {.addr = addr,
		.host = host,
		.told = lock_told,
		.ctx = r};

	return link_open(r->links, &r->lock, &options);
}

/* The instance gives nobody a lock: the writer keeps it. */
static void lock_move(struct warm_run *r)
{
	struct pel_addr addr = {0};
	const char *host;

	link_close(r->links, &r->lock);
	r->keeper = r->options.keeper(r->options.ctx, &addr, &host);
	if (addr.family == 0 || lock_open(r, &addr, host) < 0)
		lose(r, "it gives no lock, and there is no writer to keep one");
}

static void lock_asked(struct warm_run *r, const struct member_answer *answer)
{
	const char *const *row = answer->cells ? answer->cells->next(answer->cells->context) : NULL;
	struct warm_lock_look look = warm_lock_read(row, row ? answer->cells->n_columns : 0);

	if (answer->error && r->keeper == PEL_NONE && warm_lock_is_refused(answer->error)) {
		lock_move(r);
	} else if (!row) {
		lose(r, answer->text);
	} else if (look.warmed && !r->options.again) {
		tell(r, WARM_WARMED, NULL);
	} else if (look.got) {
		tell(r, WARM_LOCKED, NULL);
	} else {
		loop_timer_set_in(r->links->loop, &r->again, LOCK_EACH_NS);
		tell(r, WARM_TAKEN, NULL);
	}
}

static void lock_answered(struct warm_run *r, const struct member_answer *answer)
{
	switch (r->lock_step) {
	case LOCK_ASKING:
		lock_asked(r, answer);
		break;
	case LOCK_KEEPING:
		if (r->finishing)
			lock_finish(r);
		break;
	case LOCK_FINISHING:
		hands_close(r);
		tell(r, WARM_DONE, NULL);
		break;
	}
}

static void lock_told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	struct warm_run *r = ctx;

	if (event == MEMBER_READY) {
		link_ready(r->links, &r->lock);
		lock_ask(r);
	} else if (event == MEMBER_ANSWERED) {
		lock_answered(r, answer);
	} else if (event == MEMBER_FAILED) {
		lose(r, failure->text);
		link_failed(r->links, &r->lock, failure);
		loop_timer_stop(r->links->loop, &r->again);
	}
}

int warm_run_open(const struct warm_run_options *options, struct warm_run **ret)
{
	struct warm_run *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->links = options->links;
	if (r->options.parallel > WARM_HANDS)
		r->options.parallel = WARM_HANDS;
	strncpy(r->host, options->host, sizeof(r->host) - 1);
	r->options.host = r->host;
	strncpy(r->id, options->id, sizeof(r->id) - 1);
	r->options.id = r->id;
	r->keeper = PEL_NONE;
	loop_timer_init(&r->again, lock_again, r);
	loop_timer_init(&r->end, tell_lost, r);
	e = lock_open(r, &options->addr, r->host);
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
	loop_timer_stop(r->links->loop, &r->again);
	loop_timer_stop(r->links->loop, &r->end);
	link_close(r->links, &r->lock);
	hands_close(r);
	free(r);
}
