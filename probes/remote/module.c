/* SPDX-License-Identifier: Apache-2.0 */
/* The modules: loading them, and calling what is loaded. */
#include "remote.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const modules[] = {
	[REMOTE_HTTP] = "pelorus-http.so",
	[REMOTE_ZOOKEEPER] = "pelorus-zookeeper.so",
};

static bool cluster_wants(const struct config_cluster *c, enum remote_kind kind)
{
	if (kind == REMOTE_ZOOKEEPER)
		return c->source == CONFIG_SOURCE_ZOOKEEPER && c->url[0];
	return (c->source == CONFIG_SOURCE_HTTP && c->url[0]) || c->publish[0] ||
		c->control_plane || strncmp(c->warm_up, "http", 4) == 0 ||
		c->auth != CONFIG_AUTH_PASSWORD;
}

bool remote_is_wanted(const struct config *config, enum remote_kind kind)
{
	if (kind == REMOTE_HTTP && (config->notify[0] || config->notify_command[0]))
		return true;
	if (cluster_wants(&config->defaults, kind))
		return true;
	for (unsigned i = 0; i < config->n_clusters; i++) {
		if (cluster_wants(&config->clusters[i], kind))
			return true;
	}
	return false;
}

/* Beside the program, whatever the directory it was started in. */
static int module_path(const char *name, char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size);
	char *slash;

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash || (size_t)(slash + 1 - ret) + strlen(name) >= size)
		return -ENAMETOOLONG;
	strcpy(slash + 1, name);
	return 0;
}

/* A program that is linked statically loads nothing, and has that of HTTP in itself. */
static int module_within(const char *name, const struct remote_ops **ret, char *error, size_t size)
{
	extern const struct remote_ops pelorus_remote __attribute__((weak));

	if (&pelorus_remote && name == modules[REMOTE_HTTP]) {
		*ret = &pelorus_remote;
		return 0;
	}
	snprintf(error, size, "%s is not in a program that is linked statically", name);
	return -ELIBACC;
}

static int module_find(const char *name, const struct remote_ops **ret, char *error, size_t size)
{
	const struct remote_ops *ops;
	char path[4096];
	void *module;
	int r = module_path(name, path, sizeof(path));

	if (PELORUS_STATIC)
		return module_within(name, ret, error, size);
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

int remote_module_load(struct remote_module *m, enum remote_kind kind, struct loop *loop,
	struct log *log, const struct remote_core *core, char *error, size_t size)
{
	struct remote_part *part = &m->parts[kind];
	int r = module_find(modules[kind], &part->ops, error, size);

	return r < 0 ? r : part->ops->open(loop, log, core, &part->remote);
}

void remote_module_close(struct remote_module *m)
{
	for (struct remote_part *p = m->parts; p < m->parts + REMOTE_KINDS; p++) {
		if (p->remote)
			p->ops->close(p->remote);
		p->remote = NULL;
	}
}

int remote_module_add(struct remote_module *m, const char *key, const struct config_cluster *config)
{
	int first = 0;

	for (struct remote_part *p = m->parts; p < m->parts + REMOTE_KINDS; p++) {
		int r = p->remote ? p->ops->add(p->remote, key, config) : 0;

		first = first < 0 ? first : r;
	}
	return first;
}

void remote_module_remove(struct remote_module *m, const char *key)
{
	for (struct remote_part *p = m->parts; p < m->parts + REMOTE_KINDS; p++) {
		if (p->remote)
			p->ops->remove(p->remote, key);
	}
}

void remote_module_configure(struct remote_module *m, const struct config *config)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	if (p->remote)
		p->ops->configure(p->remote, config);
}

void remote_module_denied(struct remote_module *m, const char *key)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	if (p->remote)
		p->ops->denied(p->remote, key);
}

int remote_module_token(struct remote_module *m, const char *key, const char *host, uint16_t port,
	const char *user, char *ret, size_t size)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	return p->remote ? p->ops->token(p->remote, key, host, port, user, ret, size) : -ENOENT;
}

int remote_module_fetch(struct remote_module *m, const char *key, const char *url, const char *etag,
	void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	return p->remote ? p->ops->fetch(p->remote, key, url, etag, done, ctx, ret) : -ENOENT;
}

void remote_module_fetch_cancel(struct remote_module *m, struct remote_fetch *fetch)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	if (p->remote)
		p->ops->fetch_cancel(fetch);
}

void remote_module_published(struct remote_module *m, const char *key, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	if (p->remote)
		p->ops->published(p->remote, key, hot, cold);
}

void remote_module_event(struct remote_module *m, const char *line)
{
	struct remote_part *p = &m->parts[REMOTE_HTTP];

	if (p->remote && !m->muted)
		p->ops->event(p->remote, line);
}
