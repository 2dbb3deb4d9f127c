/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RDS control plane as a source.
 *
 * Each 30 s three questions one after the other, each with as many pages as it takes: the custom
 * endpoints, the cluster, its instances.  Where a custom endpoint alone is followed, whose it is
 * has to be asked first.  Only when all are answered is the core told, so that it never sees
 * half a view.  Throttling and every other trouble make the pauses longer; the last view stays.
 *
 * All hosts ask for one account, which is throttled as a whole.  So the pauses grow for as long as the
 * view stays as it is and nothing happens in the cluster.
 */
#include "source_rds.h"

#include "call.h"
#include "base/buf.h"
#include "base/trouble.h"
#include "logic/pace.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MOST 20 /* of one round: a server that never ends is not followed for ever */

/* All hosts have seen it, and ask as seldom together as in any other 30 s. */
#define SOON_NS (30 * LOOP_S)

#define WHOSE 0u /* the question whose a custom endpoint is */

static const struct {
	const char *action;
	const char *filter; /* in front of the id */
} questions[] = {
	{"DescribeDBClusterEndpoints", "&DBClusterEndpointIdentifier="},
	{"DescribeDBClusterEndpoints", "&DBClusterIdentifier="},
	{"DescribeDBClusters", "&DBClusterIdentifier="},
	{"DescribeDBInstances",
		"&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1="},
};

struct source_rds {
	const struct http_cluster *of;
	struct aws_chain *chain;
	const char *region;
	char id[PEL_ID_MAX];     /* of the cluster; empty until a custom endpoint's is found */
	char custom[PEL_ID_MAX]; /* of the custom endpoint that is followed alone, or empty */
	unsigned question, pages;
	struct rds_view view; /* being gathered */
	struct rds_view last; /* that was gathered */
	struct pace pace;
	struct rds_page page;
	struct http_call *call;
	struct loop_timer timer;
	struct trouble trouble;
};

static void ask(struct source_rds *s);

static void fail(struct source_rds *s, const char *why)
{
	trouble_say(&s->trouble, "the RDS control plane is of no use: %s; what is known stays",
		why);
	loop_timer_set_in(s->of->loop, &s->timer,
		pace_wait_ns(PACE_CONTROL_LOST, s->trouble.failures, loop_now_ns(s->of->loop)));
}

/* Whose the custom endpoint is; false if nobody's. */
static bool learn_cluster(struct source_rds *s)
{
	for (unsigned i = 0; i < s->view.n_endpoints && !s->id[0]; i++) {
		if (s->view.endpoints[i].custom &&
			strcmp(s->view.endpoints[i].host, s->of->key) == 0)
			strcpy(s->id, s->view.endpoints[i].cluster);
	}
	s->view = (struct rds_view){0};
	return s->id[0] != '\0';
}

/* The whole view is there: the next is due the later, the longer nothing changes. */
static void rest(struct source_rds *s)
{
	uint64_t now = loop_now_ns(s->of->loop);

	if (memcmp(&s->last, &s->view, sizeof(s->last)) != 0)
		pace_well(&s->pace);
	s->last = s->view;
	pace_next(&s->pace, PACE_CONTROL, now, 0);
	s->pace.due_ns -= pace_jitter_ns(now, (s->pace.due_ns - now) / 4);
	loop_timer_set(s->of->loop, &s->timer, s->pace.due_ns);
}

/* The next page, question, or the end of the round. */
static void go_on(struct source_rds *s)
{
	if (s->question == WHOSE && !learn_cluster(s) && !s->page.marker[0]) {
		fail(s, "it knows no such custom endpoint");
		return;
	}
	if (!s->page.marker[0])
		s->question++;
	if (s->question < sizeof(questions) / sizeof(*questions)) {
		ask(s);
		return;
	}
	trouble_end(&s->trouble);
	rest(s);
	s->of->core->listed(s->of->core->ctx, s->of->key, &s->view);
}

static void on_answer(void *ctx, const struct http_answer *answer)
{
	struct source_rds *s = ctx;
	struct rds_page page = {.error = ""};
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));
	int r = answer->error ? answer->error
			      : rds_parse(answer->body, answer->size, &s->view, &page);

	s->call = NULL;
	if (aws_call_is_refused(answer))
		aws_chain_refused(s->chain);
	if (problem || page.error[0]) {
		fail(s,
			r == 0 && rds_is_throttling(page.error) ? "it is asked too often"
				: r == 0 && page.error[0]       ? page.error
								: problem);
		return;
	}
	if (r < 0) {
		fail(s,
			r == -ENOSPC ? "it lists more than fits"
				     : "its answer is not what it should be");
		return;
	}
	s->page = page;
	go_on(s);
}

static void ask(struct source_rds *s)
{
	const struct aws_service service = {.name = "rds",
		.variable = "AWS_ENDPOINT_URL_RDS",
		.region = s->region,
		.content_type = "application/x-www-form-urlencoded; charset=utf-8"};
	char body[4 * RDS_MARKER_MAX];
	struct buf buf;
	int r;

	if (++s->pages > PAGES_MOST) {
		fail(s, "its pages do not end");
		return;
	}
	buf_init(&buf, body, sizeof(body));
	buf_addf(&buf, "Action=%s&Version=2014-10-31%s", questions[s->question].action,
		questions[s->question].filter);
	buf_add_percent(&buf, s->question == WHOSE ? s->custom : s->id, "");
	if (s->page.marker[0]) {
		buf_add(&buf, "&Marker=");
		buf_add_percent(&buf, s->page.marker, "");
	}
	r = buf_error(&buf);
	if (r == 0)
		r = aws_call(s->of->http, s->chain, &service, body, on_answer, s, &s->call);
	if (r < 0 && r != -EAGAIN)
		fail(s, strerror(-r));
}

static void begin(void *ctx)
{
	struct source_rds *s = ctx;

	if (s->call)
		return;
	s->question = s->id[0] ? WHOSE + 1 : WHOSE;
	s->pages = 0;
	s->page.marker[0] = '\0';
	s->view = (struct rds_view){0};
	ask(s);
}

void source_rds_key_ready(struct source_rds *s)
{
	if (!loop_timer_is_set(&s->timer))
		begin(s);
}

void source_rds_hurry(struct source_rds *s)
{
	uint64_t now = loop_now_ns(s->of->loop);
	bool rests = s->pace.due_ns > now + SOON_NS;

	pace_well(&s->pace);
	if (rests)
		loop_timer_set_in(s->of->loop, &s->timer, pace_jitter_ns(now, SOON_NS));
}

int source_rds_new(const struct http_cluster *of, struct aws_chain *chain, const char *region,
	struct source_rds **ret)
{
	struct source_rds *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct source_rds){.of = of,
		.chain = chain,
		.region = region,
		.trouble = {.log = of->log, .code = "control-plane-trouble", .cluster = of->key}};
	snprintf(pel_name_kind(of->key) == PEL_KIND_CUSTOM ? s->custom : s->id, PEL_ID_MAX, "%.*s",
		(int)strcspn(of->key, "."), of->key);
	loop_timer_init(&s->timer, begin, s);
	*ret = s;
	return 0;
}

void source_rds_free(struct source_rds *s)
{
	if (!s)
		return;
	http_cancel(s->call);
	loop_timer_stop(s->of->loop, &s->timer);
	free(s);
}
