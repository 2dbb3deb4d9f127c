/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the module that speaks HTTP. */
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

int remote_load(const struct remote_ops **ret, char *error, size_t size)
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
