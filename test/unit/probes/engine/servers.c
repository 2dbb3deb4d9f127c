/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mysql/member.h over the servers of the world: each step of a connection ends a round trip later as
 * its server is told to behave at that moment, or waits until its server changes, or its time is over.
 */
#include "sim.h"

#include "mysql/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step { STEP_NEW, STEP_DIAL, STEP_LOGIN, STEP_IDLE, STEP_ASK, STEP_OVER };

struct member {
	struct member *next, **link;
	struct server *server;
	struct member_options options;
	enum step step;
	bool waits; /* its server says nothing */
	bool cut;   /* its server has closed it */
	bool telling, closed;
	char query[MEMBER_QUERY_MAX];
	uint64_t sent_ns;
	struct loop_timer due, limit;
};

static struct member *members;

static void member_free(struct member *m)
{
	loop_timer_stop(sim->loop, &m->due);
	loop_timer_stop(sim->loop, &m->limit);
	*m->link = m->next;
	if (m->next)
		m->next->link = m->link;
	sim->open--;
	free(m);
}

static void tell(struct member *m, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	if (m->closed)
		return;
	m->telling = true;
	m->options.told(m->options.ctx, event, answer, failure);
	m->telling = false;
}

static void tell_failure(struct member *m, enum member_failure_kind kind, unsigned code)
{
	const struct member_failure failure = {.kind = kind,
		.heard = m->step != STEP_DIAL,
		.code = code,
		.text = "as told"};

	if (m->step == STEP_LOGIN && kind != MEMBER_SPOKE && kind != MEMBER_REFUSED)
		watch_failure(m->server);
	m->step = STEP_OVER;
	loop_timer_stop(sim->loop, &m->due);
	loop_timer_stop(sim->loop, &m->limit);
	tell(m, MEMBER_FAILED, NULL, &failure);
}

/* The next thing happens so many round trips from now. */
static void await(struct member *m, enum step step, unsigned trips)
{
	m->step = step;
	m->waits = false;
	loop_timer_set_in(sim->loop, &m->due, trips * m->server->rtt_ns);
}

static void dialled(struct member *m)
{
	const struct server *s = m->server;

	if (s->black_hole || s->dial == DIAL_SILENT) {
		m->waits = true;
	} else if (s->dial == DIAL_OK) {
		watch_accept(m->server);
		await(m, STEP_LOGIN, 2);
		loop_timer_set_in(sim->loop, &m->limit, m->options.login_limit_ns);
		tell(m, MEMBER_ACCEPTED, NULL, NULL);
	} else {
		tell_failure(m, s->dial == DIAL_REFUSED ? MEMBER_REFUSED : MEMBER_UNDIALLED, 0);
	}
}

static bool is_admitted(const struct member *m)
{
	const struct credential *c = m->options.credential;

	return strcmp(c->user, SIM_USER) == 0 && strcmp(c->password, SIM_PASSWORD) == 0;
}

static void logged_in(struct member *m)
{
	const struct server *s = m->server;
	struct member_answer answer = {.sent_ns = m->sent_ns, .received_ns = sim->now_ns};

	if (s->black_hole || s->login == LOGIN_SILENT) {
		m->waits = true;
	} else if (s->login == LOGIN_SPOKE) {
		tell_failure(m, MEMBER_SPOKE, s->code);
	} else if (s->login == LOGIN_RESET) {
		tell_failure(m, MEMBER_REFUSED, 2013);
	} else if (s->login == LOGIN_UNFIT) {
		tell_failure(m, MEMBER_UNFIT, 2026);
	} else if (s->login == LOGIN_DENIED || !is_admitted(m)) {
		tell_failure(m, MEMBER_DENIED, 1045);
	} else {
		m->step = STEP_IDLE;
		loop_timer_stop(sim->loop, &m->limit);
		tell(m, MEMBER_READY, &answer, NULL);
	}
}

/* Answers as rows of text. */
struct rows {
	unsigned n, at, columns;
	char text[SIM_SERVERS][7][80];
	const char *cells[7];
};

static const char *const *rows_next(void *ctx)
{
	struct rows *r = ctx;

	if (r->at >= r->n)
		return NULL;
	for (unsigned i = 0; i < r->columns; i++)
		r->cells[i] = r->text[r->at][i][0] ? r->text[r->at][i] : NULL;
	r->at++;
	return r->cells;
}

static const char *rows_name(void *ctx, unsigned column)
{
	return column ? "other" : "Seconds_Behind_Source";
}

static void put_variable(struct rows *r, const char *name, const char *value)
{
	strcpy(r->text[r->n][0], name);
	strcpy(r->text[r->n++][1], value);
}

static void put_hello(const struct server *s, struct rows *r)
{
	const char *read_only = s->claims ? "OFF" : "ON";

	r->columns = 2;
	if (sim->world->coordinator) {
		put_variable(r, "read_only", read_only);
	} else {
		put_variable(r, "aurora_server_id", s->id);
		put_variable(r, "innodb_read_only", read_only);
	}
	put_variable(r, "server_uuid", s->uuid);
}

static void put_table(const struct server *s, struct rows *r)
{
	const struct fleet *f = &sim->fleets[s->fleet];

	r->columns = 7;
	strcpy(r->text[0][0], s->claims ? "0" : "1");
	r->n = 1;
	for (unsigned i = 0; i < f->n && !s->no_table; i++) {
		const struct server *one = &f->servers[i];
		char(*row)[80] = r->text[i];

		strcpy(row[0], s->claims ? "0" : "1");
		strcpy(row[1], one->id);
		strcpy(row[2], one == s->names_writer ? "1" : "0");
		strcpy(row[3], "12.5");
		strcpy(row[4], one == s->names_writer ? "0" : "15.5");
		(void)snprintf(row[5], sizeof(row[5]), "%u", 20000 + 1000 * sim_random(200));
		strcpy(row[6], row[5]);
		r->n = i + 1;
	}
}

static void put_cell(struct rows *r, const char *text)
{
	r->columns = 1;
	r->n = 1;
	strcpy(r->text[0][0], text);
}

static void put_no_deployment(const struct server *s, struct rows *r)
{
	r->columns = 5;
	r->n = 1;
	strcpy(r->text[0][0], s->claims ? "0" : "1");
	strcpy(r->text[0][1], r->text[0][0]);
}

static bool is_hello(const char *query)
{
	return strncmp(query, "SHOW GLOBAL", 11) == 0;
}

/* The answer to a question, and what the engine knows by it. */
static void answer(struct member *m, struct rows *r)
{
	struct server *s = m->server;

	if (strstr(m->query, "replica_host_status")) {
		put_table(s, r);
		watch_said(s, s->claims ? PEL_ROLE_WRITER : PEL_ROLE_READER,
			s->no_table ? NULL : s->names_writer, m->sent_ns);
		return;
	}
	if (is_hello(m->query))
		put_hello(s, r);
	else if (strstr(m->query, "rds_topology"))
		put_no_deployment(s, r);
	else if (strstr(m->query, "read_only"))
		put_cell(r, s->claims ? "0" : "1");
	else
		put_cell(r, strstr(m->query, "STATUS") ? "0" : SIM_USER "@%");
	if (strstr(m->query, "read_only"))
		watch_said(s, s->claims ? PEL_ROLE_WRITER : PEL_ROLE_READER, NULL, m->sent_ns);
}

static void answered(struct member *m)
{
	const struct server *s = m->server;
	struct rows rows = {0};
	struct pel_cells cells = {.next = rows_next, .name = rows_name, .context = &rows};
	struct member_answer a = {.sent_ns = m->sent_ns, .received_ns = sim->now_ns};

	if (s->black_hole || s->reply == REPLY_SILENT) {
		m->waits = true;
		return;
	}
	if (s->reply == REPLY_RESET || (s->reply == REPLY_HELLO_ALONE && !is_hello(m->query))) {
		tell_failure(m, MEMBER_LOST, 2013);
		return;
	}
	if (s->reply == REPLY_ERROR) {
		a.error = s->code;
		a.text = "as told";
	} else {
		answer(m, &rows);
		cells.n_columns = rows.columns;
		a.cells = &cells;
	}
	loop_timer_stop(sim->loop, &m->limit);
	m->step = STEP_IDLE;
	tell(m, MEMBER_ANSWERED, &a, NULL);
}

static void due(void *ctx)
{
	struct member *m = ctx;

	if (m->cut) {
		tell_failure(m,
			m->step == STEP_LOGIN || m->step == STEP_DIAL ? MEMBER_REFUSED
								      : MEMBER_LOST,
			0);
	} else if (m->step == STEP_NEW) {
		await(m, STEP_DIAL, 1);
		loop_timer_set_in(sim->loop, &m->limit, m->options.dial_limit_ns);
		watch_syn(m->server);
		m->sent_ns = sim->now_ns;
		tell(m, MEMBER_DIALLED, NULL, NULL);
	} else if (m->step == STEP_DIAL) {
		dialled(m);
	} else if (m->step == STEP_LOGIN) {
		logged_in(m);
	} else if (m->step == STEP_ASK) {
		answered(m);
	}
	if (m->closed)
		member_free(m);
}

static void limit_passed(void *ctx)
{
	struct member *m = ctx;

	tell_failure(m, MEMBER_LATE, 0);
	if (m->closed)
		member_free(m);
}

int member_open(struct loop *loop, const struct member_options *options, struct member **ret)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->server = sim_server_at(options->addr.ip);
	m->link = &members;
	m->next = members;
	if (members)
		members->link = &m->next;
	members = m;
	sim->open++;
	loop_timer_init(&m->due, due, m);
	loop_timer_init(&m->limit, limit_passed, m);
	loop_timer_set(loop, &m->due, 0);
	*ret = m;
	return 0;
}

void member_close(struct member *m)
{
	if (!m || m->closed)
		return;
	/* A server counts a handshake that its client breaks off. */
	if (m->step == STEP_LOGIN)
		watch_failure(m->server);
	m->closed = true;
	m->step = STEP_OVER;
	loop_timer_stop(sim->loop, &m->due);
	loop_timer_stop(sim->loop, &m->limit);
	if (!m->telling)
		member_free(m);
}

void member_hand_over(struct member *m,
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure),
	void *ctx)
{
	m->options.told = told;
	m->options.ctx = ctx;
}

/* Whoever greets has judged the login by the next turn. */
bool member_is_greeted(const struct member *m)
{
	return m->step == STEP_IDLE || m->step == STEP_ASK;
}

bool member_is_idle(const struct member *m)
{
	return m->step == STEP_IDLE;
}

int member_ask(struct member *m, const char *query, uint64_t limit_ns)
{
	if (m->step != STEP_IDLE)
		return -EBUSY;
	(void)snprintf(m->query, sizeof(m->query), "%s", query);
	m->sent_ns = sim->now_ns;
	watch_ask(m->server, strncmp(query, "SHOW GLOBAL", 11) == 0);
	if (!m->cut)
		await(m, STEP_ASK, 1);
	m->step = STEP_ASK;
	if (limit_ns != LOOP_NEVER)
		loop_timer_set_in(sim->loop, &m->limit, limit_ns);
	return 0;
}

/* For warm-ups, of which there are none here. */
int member_drain(struct member *m, const char *query, size_t n, uint64_t limit_ns)
{
	return -EBUSY;
}

int member_look(const struct member *m, bool *ret_unacked, uint64_t *ret_ack_age_ns)
{
	const struct server *s = m->server;

	if (m->step != STEP_IDLE && m->step != STEP_ASK)
		return -ENOTCONN;
	*ret_unacked = s->black_hole && m->step == STEP_ASK;
	*ret_ack_age_ns = s->black_hole ? sim->now_ns - s->silent_ns : sim->now_ns - m->sent_ns;
	return 0;
}

void server_cut(struct server *s)
{
	for (struct member *m = members; m; m = m->next) {
		if (m->server != s || m->step == STEP_NEW || m->step == STEP_OVER || m->closed)
			continue;
		m->cut = true;
		loop_timer_set_in(sim->loop, &m->due, s->rtt_ns / 2);
	}
}

void server_changed(struct server *s)
{
	sim->changed_ns = s->changed_ns = sim->now_ns;
	/* Somebody else is rightly the writer then, or nobody. */
	if (s->claims || s->said == PEL_ROLE_WRITER)
		rate_add(&sim->fleets[s->fleet].handovers, sim->now_ns);
	for (struct member *m = members; m; m = m->next) {
		if (m->server == s && m->waits && m->step != STEP_OVER && !m->closed)
			await(m, m->step, 1);
	}
}
