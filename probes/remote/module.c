/* SPDX-License-Identifier: Apache-2.0 */
/* The module that speaks HTTP: loading it, and calling it where it is loaded. */
#include "remote.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool cluster_wants(const struct config_cluster *c)
{
	return (c->source == CONFIG_SOURCE_HTTP && c->url[0]) || c->publish[0] ||
		c->control_plane || strncmp(c->warm_up, "http", 4) == 0 ||
		c->auth != CONFIG_AUTH_PASSWORD;
}

bool remote_is_wanted(const struct config *config)
{
	if (config->notify[0] || config->notify_command[0] || cluster_wants(&config->defaults))
		return true;
	for (unsigned i = 0; i < config->n_clusters; i++) {
		if (cluster_wants(&config->clusters[i]))
			return true;
	}
	return false;
}

/* Beside the program, whatever the directory it was started in. */
static int module_path(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size);
	char *slash;

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash || (size_t)(slash + 1 - ret) + sizeof(REMOTE_MODULE) > size)
		return -ENAMETOOLONG;
	strcpy(slash + 1, REMOTE_MODULE);
	return 0;
}

static int module_find(const struct remote_ops **ret, char *error, size_t size)
{
	const struct remote_ops *ops;
	char path[4096];
	void *module;
	int r = module_path(path, sizeof(path));

	if (r < 0) {
		snprintf(error, size, "its place is not known: %s", strerror(-r));
		return r;
	}
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ops = module ? dlsym(module, REMOTE_SYMBOL) : NULL;
	if (!ops) {
		snprintf(error, size, "%s", dlerror());
		return -ELIBACC;
	}
	if (ops->config_size != sizeof(struct config)) {
		snprintf(error, size, "%s is of another build", path);
		return -ELIBBAD;
	}
	*ret = ops;
	return 0;
}

int remote_module_load(struct remote_module *m, struct loop *loop, struct log *log,
	const struct remote_core *core, char *error, size_t size)
{
	int r = module_find(&m->ops, error, size);

	return r < 0 ? r : m->ops->open(loop, log, core, &m->remote);
}

void remote_module_close(struct remote_module *m)
{
	if (m->remote)
		m->ops->close(m->remote);
	m->remote = NULL;
}

void remote_module_configure(struct remote_module *m, const struct config *config)
{
	if (m->remote)
		m->ops->configure(m->remote, config);
}

int remote_module_add(struct remote_module *m, const char *key, const struct config_cluster *config)
{
	return m->remote ? m->ops->add(m->remote, key, config) : 0;
}

void remote_module_remove(struct remote_module *m, const char *key)
{
	if (m->remote)
		m->ops->remove(m->remote, key);
}

void remote_module_denied(struct remote_module *m, const char *key)
{
	if (m->remote)
		m->ops->denied(m->remote, key);
}

int remote_module_token(struct remote_module *m, const char *key, const char *host, uint16_t port,
	const char *user, char *ret, size_t size)
{
	return m->remote ? m->ops->token(m->remote, key, host, port, user, ret, size) : -ENOENT;
}

int remote_module_fetch(struct remote_module *m, const char *key, const char *url, const char *etag,
	void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret)
{
	return m->remote ? m->ops->fetch(m->remote, key, url, etag, done, ctx, ret) : -ENOENT;
}

void remote_module_fetch_cancel(struct remote_module *m, struct remote_fetch *fetch)
{
	if (m->remote)
		m->ops->fetch_cancel(fetch);
}

void remote_module_published(struct remote_module *m, const char *key, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	if (m->remote)
		m->ops->published(m->remote, key, hot, cold);
}

void remote_module_event(struct remote_module *m, const char *line)
{
	if (m->remote && !m->muted)
		m->ops->event(m->remote, line);
}
