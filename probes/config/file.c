/* SPDX-License-Identifier: Apache-2.0 */
/* Files: found, read whole, and refused if a secret in them is none. */
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1 << 20)
#define WRITERS (S_IWGRP | S_IWOTH)
#define OTHERS (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

static int fail(struct config_error *error, int r, const char *path, const char *sentence)
{
	(void)snprintf(error->text, sizeof(error->text), "%s: %s", path, sentence);
	return r;
}

static bool path_join(char ret[static CONFIG_PATH_MAX], const char *dir, const char *rest)
{
	int n = snprintf(ret, CONFIG_PATH_MAX, "%s%s", dir, rest);

	return n > 0 && n < CONFIG_PATH_MAX && access(ret, F_OK) == 0;
}

int config_find(const char *explicit_path, char ret_path[static CONFIG_PATH_MAX])
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *named = explicit_path ? explicit_path : getenv("PELORUS_CONFIG");

	if (named && *named) {
		if (strlen(named) >= CONFIG_PATH_MAX)
			return -ENAMETOOLONG;
		strcpy(ret_path, named);
		return 0;
	}
	if (xdg && *xdg == '/') {
		if (path_join(ret_path, xdg, "/pelorus/pelorus.conf"))
			return 0;
	} else if (home && *home == '/' &&
		path_join(ret_path, home, "/.config/pelorus/pelorus.conf")) {
		return 0;
	}
	return path_join(ret_path, "", "/etc/pelorus/pelorus.conf") ? 0 : -ENOENT;
}

int config_file_read(const char *path, struct file *ret, struct config_error *ret_error)
{
	int r = file_read(path, FILE_SIZE_MAX, FILE_ANY, ret);

	if (r == -EISDIR || r == -EFBIG)
		return fail(ret_error, -EINVAL, path, "expected a regular file of at most 1 MiB");
	if (r < 0)
		return fail(ret_error, r, path, strerror(-r));
	if (!memchr(ret->text, '\0', ret->n))
		return 0;
	file_free(ret);
	return fail(ret_error, -EINVAL, path, "expected text");
}

/* Whether who may write the file could have the prober run a program, or ask a server, of his. */
static bool is_command(const struct config *config)
{
	bool found = *config->notify_command || *config->notify || *config->defaults.url;

	for (unsigned i = 0; i < config->n_clusters; i++)
		found |= *config->clusters[i].url != '\0';
	return found;
}

int config_file_check(const struct file *file, const struct config *config,
	struct config_error *ret_error)
{
	bool foreign = file->owner != geteuid() && file->owner != 0;

	if (is_command(config) && (foreign || (file->mode & WRITERS)))
		return fail(ret_error, -EPERM, config->path,
			"others may write this file, which names a command or a URL; expected mode "
			"0644 and an owner that is root or the prober's own");
	if (!config->has_password || !(file->mode & OTHERS))
		return 0;
	return fail(ret_error, -EPERM, config->path,
		"password: others may read this file; expected mode 0600, or password-file");
}

static int read_password(struct config_cluster *cluster, struct config_error *ret_error)
{
	struct file file = {0};
	const char *path = cluster->password_file;
	size_t n;
	int r;

	if (!*path)
		return 0;
	r = config_file_read(path, &file, ret_error);
	if (r < 0)
		return r;
	n = strcspn(file.text, "\r\n");
	if (file.mode & OTHERS)
		r = fail(ret_error, -EPERM, path,
			"password-file: others may read this file; expected mode 0600 or 0400");
	else if (n == 0 || n >= sizeof(cluster->password))
		r = fail(ret_error, -EINVAL, path,
			"password-file: expected a password of 1 to 4095 bytes on the first line");
	else
		memcpy(cluster->password, file.text, n);
	file_free(&file);
	return r;
}

int config_file_read_passwords(struct config *config, struct config_error *ret_error)
{
	int r = read_password(&config->defaults, ret_error);

	for (unsigned i = 0; i < config->n_clusters && r == 0; i++)
		r = read_password(&config->clusters[i], ret_error);
	return r;
}
