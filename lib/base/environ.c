/* SPDX-License-Identifier: Apache-2.0 */
#include "environ.h"

#include <string.h>
#include <unistd.h>

extern char **environ;

static struct environ_kept own;

const char *environ_value(char *const *list, const char *key)
{
	for (; list && *list; list++) {
		const char *rest = environ_after(*list, key);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

bool environ_begins(const char *line, const char *starts)
{
	for (; *starts; starts += strlen(starts) + 1) {
		if (environ_after(line, starts))
			return true;
	}
	return false;
}

void environ_keep(struct environ_kept *kept, char *const *list, const char *starts)
{
	for (; list && *list; list++) {
		size_t n = strlen(*list) + 1;

		if (!environ_begins(*list, starts))
			continue;
		if (n > sizeof(kept->text) - kept->size) {
			kept->full = true;
			continue;
		}
		memcpy(kept->text + kept->size, *list, n);
		kept->size += n;
	}
}

const char *environ_kept_value(const struct environ_kept *kept, const char *key)
{
	for (size_t at = 0; at < kept->size; at += strlen(kept->text + at) + 1) {
		const char *rest = environ_after(kept->text + at, key);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

void environ_keep_own(const char *starts)
{
	environ_keep(&own, environ, starts);
}

const struct environ_kept *environ_get(void)
{
	return &own;
}
