/* SPDX-License-Identifier: Apache-2.0 */
/* The preload: found beside the command, put in front of what is preloaded already. */
#include "preload.h"

#include "commands.h"

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

int preload_find_library(char ret[static PATH_MAX])
{
	return command_find_file(PRELOAD_LIBRARY, getenv("PELORUS_LIBRARY"), folders,
		sizeof(folders) / sizeof(*folders), R_OK, ret);
}
