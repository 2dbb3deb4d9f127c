/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS credentials: goes through the providers, keeps what it got, renews it in time.
 *
 * What is held stays in use while it is being renewed, up to its end.  A provider that is
 * configured but fails is passed over, as the SDKs do; only when all have been asked in vain is
 * there trouble, said once, with the name of the last that was configured.
 */
#include "creds.h"

#include "providers.h"
#include "base/secret.h"
#include "base/trouble.h"
#include "http/program.h"
#include "logic/pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RENEW_S 300 /* before the end */
#define RENEW_LEAST_NS (10 * LOOP_S)
#define FOREVER_NS (3600 * LOOP_S)
#define RUN_LIMIT_NS (60 * LOOP_S)
#define VARIABLES_MAX 64

/* What must be in no core dump. */
struct aws_chain_secrets {
	struct aws_creds creds;
	struct aws_creds fresh;
	struct aws_visit visit;
	struct aws_question question;
};

struct aws_chain {
	const struct http_cluster *of;
	const char *region; /* for STS */
	struct aws_chain_secrets *secrets;
	void (*ready)(void *ctx);
	void *ctx;
	bool have;
	bool refused;
	unsigned provider;
	const char *failed; /* the last provider that was configured but of no use */
	uint64_t begun_ns;
	struct http_call *call;
	struct program *program;
	struct loop_timer timer;
	struct trouble trouble;
};

static void visit(struct aws_chain *c);

static bool is_over(const struct aws_chain *c)
{
	int64_t end_s = c->secrets->creds.expires_s;

	return end_s && time(NULL) >= end_s;
}

/* Well before the timer: the host slept, or its clock was set. */
static void renew_soon(struct aws_chain *c)
{
	uint64_t due_ns = c->begun_ns + RENEW_LEAST_NS;

	if (!c->call && !c->program && c->timer.at_ns > due_ns)
		loop_timer_set(c->of->loop, &c->timer, due_ns);
}

bool aws_chain_key(struct aws_chain *c, struct aws_key *ret)
{
	const struct aws_creds *creds = &c->secrets->creds;

	if (!c->have)
		return false;
	if (is_over(c)) {
		renew_soon(c);
		return false;
	}
	*ret = (struct aws_key){.id = creds->id,
		.secret = creds->secret,
		.token = creds->token[0] ? creds->token : NULL};
	return true;
}

static void begin(void *ctx)
{
	struct aws_chain *c = ctx;

	if (c->call || c->program)
		return;
	c->provider = 0;
	c->failed = NULL;
	c->refused = false;
	c->begun_ns = loop_now_ns(c->of->loop);
	visit(c);
}

static void have(struct aws_chain *c)
{
	struct aws_chain_secrets *s = c->secrets;
	int64_t left_s = s->fresh.expires_s ? s->fresh.expires_s - time(NULL) : 0;
	uint64_t wait_ns = FOREVER_NS;

	s->creds = s->fresh;
	explicit_bzero(&s->fresh, sizeof(s->fresh));
	c->have = true;
	trouble_end(&c->trouble);
	if (s->creds.expires_s)
		wait_ns = left_s > RENEW_S ? (uint64_t)(left_s - RENEW_S) * LOOP_S : 0;
	if (wait_ns < RENEW_LEAST_NS)
		wait_ns = RENEW_LEAST_NS;
	if (wait_ns > FOREVER_NS)
		wait_ns = FOREVER_NS;
	loop_timer_set_in(c->of->loop, &c->timer, wait_ns);
	c->ready(c->ctx);
}

static void give_up(struct aws_chain *c)
{
	if (c->failed)
		trouble_say(&c->trouble, "no AWS credentials: %s gave none", c->failed);
	else
		trouble_say(&c->trouble, "no AWS credentials: no provider has any");
	loop_timer_set_in(c->of->loop, &c->timer,
		pace_wait_ns(PACE_CLOUD, c->trouble.failures, c->begun_ns));
}

static void on_answer(void *ctx, const struct http_answer *answer);

static int ask(struct aws_chain *c)
{
	const struct aws_question *q = &c->secrets->question;
	struct http_request request = {.method = q->method,
		.url = q->url,
		.body = q->body[0] ? q->body : NULL,
		.body_size = strlen(q->body),
		.timeout_ms = aws_providers[c->provider].timeout_ms};

	for (unsigned i = 0; i < q->n_headers; i++)
		request.headers[i] = q->headers[i];
	return http_start(c->of->http, &request, on_answer, c, &c->call);
}

static void on_program(void *ctx, const char *problem, const char *output);

/* What a credential program may need of ours: where things are, and what is AWS's anyway. */
static bool is_for_program(const char *variable)
{
	static const char *const prefixes[] = {"AWS_", "HOME=", "PATH=", "USER=", "LOGNAME="};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static int run(struct aws_chain *c)
{
	const char *const argv[] = {"/bin/sh", "-c", c->secrets->question.body, NULL};
	char *environment[VARIABLES_MAX + 1] = {NULL};
	const struct program_options options = {.argv = argv,
		.environment = environment,
		.wants_output = true,
		.limit_ns = RUN_LIMIT_NS,
		.ended = on_program,
		.ctx = c};
	unsigned n = 0;

	for (char **at = environ; *at && n < VARIABLES_MAX; at++) {
		if (is_for_program(*at))
			environment[n++] = *at;
	}
	return program_start(c->of->loop, &options, &c->program);
}

/* Does what a provider's turn asks for; true if the next one is to be visited. */
static bool obey(struct aws_chain *c, enum aws_turn turn)
{
	if (turn == AWS_TURN_HAVE) {
		have(c);
		return false;
	}
	if (turn == AWS_TURN_ASK && ask(c) == 0)
		return false;
	if (turn == AWS_TURN_RUN && run(c) == 0)
		return false;
	if (turn != AWS_TURN_ABSENT)
		c->failed = aws_providers[c->provider].name;
	c->provider++;
	return true;
}

static void visit(struct aws_chain *c)
{
	struct aws_chain_secrets *s = c->secrets;
	enum aws_turn turn;

	do {
		if (c->provider == aws_n_providers) {
			give_up(c);
			return;
		}
		s->visit = (struct aws_visit){.profile = c->of->config->aws_profile,
			.region = c->region};
		turn = aws_providers[c->provider].begin(&s->visit, &s->question, &s->fresh);
	} while (obey(c, turn));
}

static void on_answer(void *ctx, const struct http_answer *answer)
{
	struct aws_chain *c = ctx;
	struct aws_chain_secrets *s = c->secrets;
	char buffer[64];
	enum aws_turn turn = AWS_TURN_FAILED;

	c->call = NULL;
	if (!http_problem(answer, buffer, sizeof(buffer)))
		turn = aws_providers[c->provider].read(&s->visit, answer->body, answer->size,
			&s->question, &s->fresh);
	if (obey(c, turn))
		visit(c);
}

static void on_program(void *ctx, const char *problem, const char *output)
{
	struct aws_chain *c = ctx;
	struct aws_chain_secrets *s = c->secrets;
	enum aws_turn turn = AWS_TURN_FAILED;

	c->program = NULL;
	if (!problem)
		turn = aws_providers[c->provider].read(&s->visit, output, strlen(output),
			&s->question, &s->fresh);
	if (obey(c, turn))
		visit(c);
}

void aws_chain_refused(struct aws_chain *c)
{
	if (c->refused || c->call || c->program)
		return;
	c->refused = true;
	renew_soon(c);
}

int aws_chain_new(const struct http_cluster *of, const char *region, void (*ready)(void *ctx),
	void *ctx, struct aws_chain **ret)
{
	struct aws_chain *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct aws_chain){.of = of,
		.region = region,
		.secrets = secret_alloc(sizeof(*c->secrets)),
		.ready = ready,
		.ctx = ctx,
		.trouble = {.log = of->log, .code = "aws-credentials-failing", .cluster = of->key}};
	if (!c->secrets) {
		free(c);
		return -ENOMEM;
	}
	loop_timer_init(&c->timer, begin, c);
	loop_timer_set_in(of->loop, &c->timer, 0);
	*ret = c;
	return 0;
}

void aws_chain_free(struct aws_chain *c)
{
	if (!c)
		return;
	http_cancel(c->call);
	program_free(c->program);
	loop_timer_stop(c->of->loop, &c->timer);
	secret_free(c->secrets, sizeof(*c->secrets));
	free(c);
}
