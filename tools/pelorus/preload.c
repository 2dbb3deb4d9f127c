/* SPDX-License-Identifier: Apache-2.0 */
/* The preload: found beside the command, put in front of what is preloaded already. */
#include "preload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEPARATORS " \t\n:" /* of LD_PRELOAD, as glibc and musl split it */

/* From the folder of the command to that of the library: installed, and in a build folder. */
static const char *const folders[] = {PELORUS_BINDIR_TO_LIBDIR, "../../lib"};

static bool is_library(const char *word, size_t n)
{
	const size_t m = sizeof(PRELOAD_LIBRARY) - 1;

	return n >= m && memcmp(word + n - m, PRELOAD_LIBRARY, m) == 0 &&
	       (n == m || word[n - m - 1] == '/');
}

static bool has_library(const char *list)
{
	while (*list) {
		size_t n = strcspn(list, SEPARATORS);

		if (is_library(list, n))
			return true;
		list += n;
		list += strspn(list, SEPARATORS);
	}
	return false;
}

int preload_prepend(const char *existing, const char *library, char *ret, size_t size)
{
	const char *rest = existing ? existing + strspn(existing, SEPARATORS) : "";
	int n;

	if (*library != '/' || library[strcspn(library, SEPARATORS "$")])
		return -EINVAL;
	if (has_library(rest))
		n = snprintf(ret, size, "%s", existing);
	else
		n = snprintf(ret, size, "%s%s%s", library, *rest ? ":" : "", rest);
	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

static int try_library(const char *path, char ret[static PATH_MAX])
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return -errno;
	if (access(real, R_OK) < 0)
		return -errno;
	strcpy(ret, real);
	return 0;
}

int preload_find_library(char ret[static PATH_MAX])
{
	const char *named = getenv("PELORUS_LIBRARY");
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n;
	int r = -ENOENT;

	if (named && *named)
		return try_library(named, ret);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return -errno;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/" PRELOAD_LIBRARY, self, folders[i]);
		r = try_library(path, ret);
		if (r == 0)
			break;
	}
	return r;
}
