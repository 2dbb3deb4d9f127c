/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User and password out of AWS Secrets Manager.
 *
 * A secret has no end that its reader knows: it is read once, and again when the database refuses
 * it, for then it has probably been rotated.
 */
#include "secret.h"

#include "call.h"
#include "base/buf.h"
#include "base/secret.h"
#include "base/trouble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_NS (10 * LOOP_S)
#define RETRY_NS LOOP_S
#define RETRY_MOST_NS (60 * LOOP_S)

struct aws_secret {
	struct loop *loop;
	struct http *http;
	struct aws_chain *chain;
	char cluster[PEL_NAME_MAX];
	char region[32];
	char id[CONFIG_PATH_MAX];
	struct credential *credential; /* in memory for secrets; its TLS is the configuration's */
	void (*told)(void *ctx, const struct credential *credential);
	void *ctx;
	bool wanted; /* to be read as soon as there is a key */
	uint64_t read_ns;
	struct http_call *call;
	struct loop_timer timer;
	struct trouble trouble;
};

static void fail(struct aws_secret *s, const char *why)
{
	trouble_say(&s->trouble, "the secret cannot be read: %s", why);
	s->wanted = true;
	loop_timer_set_in(s->loop, &s->timer,
		trouble_wait_ns(&s->trouble, RETRY_NS, RETRY_MOST_NS, s->read_ns));
}

static void on_answer(void *ctx, const struct http_answer *answer)
{
	struct aws_secret *s = ctx;
	struct credential *c = s->credential;
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	s->call = NULL;
	if (aws_call_is_refused(answer))
		aws_chain_refused(s->chain);
	if (problem) {
		fail(s, problem);
		return;
	}
	if (aws_secret_parse(answer->body, answer->size, c->user, sizeof(c->user), c->password,
		    sizeof(c->password)) < 0) {
		fail(s, "it is not JSON with username and password");
		return;
	}
	trouble_end(&s->trouble);
	s->told(s->ctx, c);
}

static void ask(void *ctx)
{
	struct aws_secret *s = ctx;
	const struct aws_service service = {.name = "secretsmanager",
		.variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER",
		.region = s->region,
		.content_type = "application/x-amz-json-1.1",
		.target = "secretsmanager.GetSecretValue"};
	char body[2 * CONFIG_PATH_MAX];
	struct buf buf;
	int r;

	if (s->call || !s->wanted)
		return;
	buf_init(&buf, body, sizeof(body));
	buf_add(&buf, "{\"SecretId\":");
	buf_add_json(&buf, s->id);
	buf_add(&buf, "}");
	s->read_ns = loop_now_ns(s->loop);
	r = buf_error(&buf);
	if (r == 0)
		r = aws_call(s->http, s->chain, &service, body, on_answer, s, &s->call);
	if (r == 0)
		s->wanted = false;
	else if (r != -EAGAIN)
		fail(s, strerror(-r));
}

void aws_secret_key_ready(struct aws_secret *s)
{
	ask(s);
}

void aws_secret_denied(struct aws_secret *s)
{
	if (s->call || s->wanted)
		return;
	s->wanted = true;
	loop_timer_set(s->loop, &s->timer, s->read_ns + AGAIN_NS);
}

int aws_secret_new(const struct aws_secret_options *options, struct aws_secret **ret)
{
	struct aws_secret *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->credential = secret_alloc(sizeof(*s->credential));
	if (!s->credential) {
		free(s);
		return -ENOMEM;
	}
	s->loop = options->loop;
	s->http = options->http;
	s->chain = options->chain;
	s->told = options->credential;
	s->ctx = options->ctx;
	s->wanted = true;
	s->credential->origin = CREDENTIAL_CONFIGURED;
	s->credential->tls = options->config->tls;
	snprintf(s->cluster, sizeof(s->cluster), "%s", options->cluster);
	snprintf(s->region, sizeof(s->region), "%s", options->region);
	snprintf(s->id, sizeof(s->id), "%s", options->config->secret_id);
	s->trouble = (struct trouble){.log = options->log,
		.code = "secret-failing",
		.cluster = s->cluster};
	loop_timer_init(&s->timer, ask, s);
	*ret = s;
	return 0;
}

void aws_secret_free(struct aws_secret *s)
{
	if (!s)
		return;
	http_cancel(s->call);
	loop_timer_stop(s->loop, &s->timer);
	secret_free(s->credential, sizeof(*s->credential));
	free(s);
}
