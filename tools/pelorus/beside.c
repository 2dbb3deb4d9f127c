/* SPDX-License-Identifier: Apache-2.0 */
/* Files that belong to this command. */
#include "beside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int try_file(const char *path, int mode, char ret[static PATH_MAX])
{
	char real[PATH_MAX];

	if (!realpath(path, real) || access(real, mode) < 0)
		return -errno;
	strcpy(ret, real);
	return 0;
}

int beside_find(const char *file, const char *named, const char *const *folders, size_t n_folders,
	int mode, char ret[static PATH_MAX])
{
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n;
	int r = -ENOENT;

	if (named && *named)
		return try_file(named, mode, ret);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return -errno;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < n_folders && r < 0; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", self, folders[i], file);
		r = try_file(path, mode, ret);
	}
	return r;
}
