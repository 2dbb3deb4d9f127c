/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS has to do with one cluster.
 *
 * User and password may be in AWS Secrets Manager.  A secret has no end that its reader knows: it is
 * read once, and again when the database refuses it, for then it has probably been rotated.
 */
#include "cloud.h"

#include "call.h"
#include "creds.h"
#include "local.h"
#include "source_rds.h"
#include "base/buf.h"
#include "base/secret.h"
#include "base/trouble.h"
#include "logic/pace.h"

#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGAIN_NS (10 * LOOP_S)

struct secret {
	struct credential *credential; /* in memory for secrets; NULL: none is asked for */
	bool wanted;                   /* to be read as soon as there is a key */
	uint64_t read_ns;
	struct http_call *call;
	struct loop_timer timer;
	struct trouble trouble;
};

struct cloud {
	const struct http_cluster *of;
	char region[32];
	struct aws_chain *chain;
	struct source_rds *rds;
	struct secret secret;
};

bool cloud_is_wanted(const struct config_cluster *config)
{
	return config->control_plane || config->auth != CONFIG_AUTH_PASSWORD;
}

static int find_region(const struct http_cluster *of, char *ret, size_t size)
{
	const char *variable = aws_local_variable("AWS_REGION");

	if (!variable)
		variable = aws_local_variable("AWS_DEFAULT_REGION");
	if (of->config->aws_region[0])
		return text_copy(ret, size, of->config->aws_region) ? 0 : -EINVAL;
	if (aws_region_of_host(of->key, ret, size) == 0)
		return 0;
	if (!variable)
		return aws_local_region(of->config->aws_profile, ret, size) < 0 ? -EINVAL : 0;
	return text_copy(ret, size, variable) ? 0 : -EINVAL;
}

static void secret_fail(struct cloud *c, const char *why)
{
	struct secret *s = &c->secret;

	trouble_say(&s->trouble, "the secret cannot be read: %s", why);
	s->wanted = true;
	loop_timer_set_in(c->of->loop, &s->timer,
		pace_wait_ns(PACE_CLOUD, s->trouble.failures, s->read_ns));
}

static void on_secret(void *ctx, const struct http_answer *answer)
{
	struct cloud *c = ctx;
	struct credential *to = c->secret.credential;
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	c->secret.call = NULL;
	if (aws_call_is_refused(answer))
		aws_chain_refused(c->chain);
	if (problem) {
		secret_fail(c, problem);
		return;
	}
	if (aws_secret_parse(answer->body, answer->size, to->user, sizeof(to->user), to->password,
		    sizeof(to->password)) < 0) {
		secret_fail(c, "it is not JSON with username and password");
		return;
	}
	trouble_end(&c->secret.trouble);
	c->of->core->credential(c->of->core->ctx, c->of->key, to);
}

static void secret_ask(void *ctx)
{
	struct cloud *c = ctx;
	struct secret *s = &c->secret;
	const struct aws_service service = {.name = "secretsmanager",
		.variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER",
		.region = c->region,
		.content_type = "application/x-amz-json-1.1",
		.target = "secretsmanager.GetSecretValue"};
	char body[2 * CONFIG_PATH_MAX];
	struct buf buf;
	int r;

	if (s->call || !s->wanted)
		return;
	buf_init(&buf, body, sizeof(body));
	buf_add(&buf, "{\"SecretId\":");
	buf_add_json(&buf, c->of->config->secret_id);
	buf_add(&buf, "}");
	s->read_ns = loop_now_ns(c->of->loop);
	r = buf_error(&buf);
	if (r == 0)
		r = aws_call(c->of->http, c->chain, &service, body, on_secret, c, &s->call);
	if (r == 0)
		s->wanted = false;
	else if (r != -EAGAIN)
		secret_fail(c, strerror(-r));
}

void cloud_denied(struct cloud *c)
{
	struct secret *s = &c->secret;

	if (!s->credential || s->call || s->wanted)
		return;
	s->wanted = true;
	loop_timer_set(c->of->loop, &s->timer, s->read_ns + AGAIN_NS);
}

static int secret_start(struct cloud *c)
{
	struct secret *s = &c->secret;

	if (c->of->config->auth != CONFIG_AUTH_SECRETSMANAGER)
		return 0;
	if (!c->of->config->secret_id[0])
		return -EINVAL;
	s->credential = secret_alloc(sizeof(*s->credential));
	if (!s->credential)
		return -ENOMEM;
	s->credential->origin = CREDENTIAL_CONFIGURED;
	s->credential->tls = c->of->config->tls;
	s->wanted = true;
	return 0;
}

static void on_key(void *ctx)
{
	struct cloud *c = ctx;

	secret_ask(c);
	if (c->rds)
		source_rds_key_ready(c->rds);
	c->of->core->tokens(c->of->core->ctx, c->of->key);
}

int cloud_new(const struct http_cluster *of, struct cloud **ret)
{
	struct cloud *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->of = of;
	c->secret.trouble =
		(struct trouble){.log = of->log, .code = "secret-failing", .cluster = of->key};
	loop_timer_init(&c->secret.timer, secret_ask, c);
	r = find_region(of, c->region, sizeof(c->region));
	if (r == 0)
		r = aws_chain_new(of, c->region, on_key, c, &c->chain);
	if (r == 0)
		r = secret_start(c);
	if (r == 0 && of->config->control_plane)
		r = source_rds_new(of, c->chain, c->region, &c->rds);
	if (r < 0) {
		cloud_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void cloud_free(struct cloud *c)
{
	if (!c)
		return;
	source_rds_free(c->rds);
	http_cancel(c->secret.call);
	loop_timer_stop(c->of->loop, &c->secret.timer);
	secret_free(c->secret.credential, sizeof(*c->secret.credential));
	aws_chain_free(c->chain);
	free(c);
}

void cloud_changed(struct cloud *c)
{
	if (c->rds)
		source_rds_hurry(c->rds);
}

int cloud_token(const struct cloud *c, const char *host, uint16_t port, const char *user, char *ret,
	size_t size)
{
	char region[sizeof(c->region)];
	struct aws_key key;

	if (!aws_chain_key(c->chain, &key))
		return -EAGAIN;
	if (aws_region_of_host(host, region, sizeof(region)) < 0)
		strcpy(region, c->region);
	return aws_rds_token(&key, region, host, port, user, time(NULL), ret, size);
}
