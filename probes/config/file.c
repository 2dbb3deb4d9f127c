/* SPDX-License-Identifier: Apache-2.0 */
/* Files: found, read whole, and refused if a secret in them is none. */
#include "file.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
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

static int read_whole(int fd, char *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, to + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return memchr(to, '\0', n) ? -EINVAL : 0;
}

int config_file_read(const char *path, struct config_file *ret, struct config_error *ret_error)
{
	struct config_file file = {0};
	struct stat st;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fail(ret_error, -errno, path, strerror(errno));
	r = -EINVAL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX) {
		(void)fail(ret_error, r, path, "expected a regular file of at most 1 MiB");
		goto out;
	}
	file.mode = st.st_mode;
	file.owner = st.st_uid;
	file.size = (size_t)st.st_size + 1;
	file.text = secret_alloc(file.size);
	r = file.text ? read_whole(fd, file.text, file.size - 1) : -ENOMEM;
	if (r < 0) {
		(void)fail(ret_error, r, path, r == -EINVAL ? "expected text" : strerror(-r));
		config_file_free(&file);
		goto out;
	}
	*ret = file;
out:
	(void)close(fd);
	return r;
}

void config_file_free(struct config_file *file)
{
	secret_free(file->text, file->size);
	*file = (struct config_file){0};
}

/* Whether who may write the file could have the prober run a program, or ask a server, of his. */
static bool is_command(const struct config *config)
{
	bool found = *config->notify_command || *config->notify || *config->defaults.url;

	for (unsigned i = 0; i < config->n_clusters; i++)
		found |= *config->clusters[i].url != '\0';
	return found;
}

int config_file_check(const struct config_file *file, const struct config *config,
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
	struct config_file file = {0};
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
	config_file_free(&file);
	return r;
}

int config_file_read_passwords(struct config *config, struct config_error *ret_error)
{
	int r = read_password(&config->defaults, ret_error);

	for (unsigned i = 0; i < config->n_clusters && r == 0; i++)
		r = read_password(&config->clusters[i], ret_error);
	return r;
}
