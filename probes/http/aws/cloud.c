/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS has to do with one cluster. */
#include "cloud.h"

#include "creds.h"
#include "local.h"
#include "secret.h"
#include "source_rds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cloud {
	struct cloud_options options; /* key and config are not to be used after cloud_new() */
	char region[32];
	struct aws_chain *chain;
	struct aws_secret *secret;
	struct source_rds *rds;
};

bool cloud_is_wanted(const struct config_cluster *config)
{
	return config->control_plane || config->auth != CONFIG_AUTH_PASSWORD;
}

static int find_region(const char *key, const struct config_cluster *config, char *ret, size_t size)
{
	const char *variable = getenv("AWS_REGION");

	if (!variable || !*variable)
		variable = getenv("AWS_DEFAULT_REGION");
	if (config->aws_region[0])
		return snprintf(ret, size, "%s", config->aws_region) < (int)size ? 0 : -EINVAL;
	if (aws_region_of_host(key, ret, size) == 0)
		return 0;
	if (!variable || !*variable)
		return aws_local_region(config->aws_profile, ret, size) < 0 ? -EINVAL : 0;
	return snprintf(ret, size, "%s", variable) < (int)size ? 0 : -EINVAL;
}

static void on_key(void *ctx)
{
	struct cloud *c = ctx;

	if (c->secret)
		aws_secret_key_ready(c->secret);
	if (c->rds)
		source_rds_key_ready(c->rds);
	c->options.tokens(c->options.ctx);
}

static int start_chain(struct cloud *c)
{
	const struct aws_chain_options options = {.loop = c->options.loop,
		.http = c->options.http,
		.log = c->options.log,
		.cluster = c->options.key,
		.profile = c->options.config->aws_profile,
		.region = c->region,
		.ready = on_key,
		.ctx = c};

	return aws_chain_new(&options, &c->chain);
}

static int start_secret(struct cloud *c)
{
	const struct aws_secret_options options = {.loop = c->options.loop,
		.http = c->options.http,
		.log = c->options.log,
		.chain = c->chain,
		.cluster = c->options.key,
		.region = c->region,
		.config = c->options.config,
		.credential = c->options.credential,
		.ctx = c->options.ctx};

	if (c->options.config->auth != CONFIG_AUTH_SECRETSMANAGER)
		return 0;
	return c->options.config->secret_id[0] ? aws_secret_new(&options, &c->secret) : -EINVAL;
}

static int start_rds(struct cloud *c)
{
	const struct source_rds_options options = {.loop = c->options.loop,
		.http = c->options.http,
		.log = c->options.log,
		.chain = c->chain,
		.key = c->options.key,
		.region = c->region,
		.listed = c->options.listed,
		.ctx = c->options.ctx};

	return c->options.config->control_plane ? source_rds_new(&options, &c->rds) : 0;
}

int cloud_new(const struct cloud_options *options, struct cloud **ret)
{
	struct cloud *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->options = *options;
	r = find_region(options->key, options->config, c->region, sizeof(c->region));
	if (r == 0)
		r = start_chain(c);
	if (r == 0)
		r = start_secret(c);
	if (r == 0)
		r = start_rds(c);
	c->options.key = NULL;
	c->options.config = NULL;
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
	aws_secret_free(c->secret);
	aws_chain_free(c->chain);
	free(c);
}

void cloud_denied(struct cloud *c)
{
	if (c->secret)
		aws_secret_denied(c->secret);
}

int cloud_token(const struct cloud *c, const char *host, uint16_t port, const char *user, char *ret,
	size_t size)
{
	struct aws_key key;

	if (!aws_chain_key(c->chain, &key))
		return -EAGAIN;
	return aws_rds_token(&key, c->region, host, port, user, time(NULL), ret, size);
}
