/* SPDX-License-Identifier: Apache-2.0 */
#include "as.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENVIRON_SIZE (1 << 20)
#define ENVIRON_LINES 4096

static FILE *file_of(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "r");
}

static int environ_read(pid_t pid, const char *executable, struct env *ret)
{
	char *text = calloc(1, ENVIRON_SIZE + 1), **list = calloc(ENVIRON_LINES + 1, sizeof(*list));
	FILE *from = file_of(pid, "environ");
	size_t size = 0, n = 0;
	int r = from ? 0 : -errno;

	if (from && text && list) {
		size = fread(text, 1, ENVIRON_SIZE, from);
		for (size_t at = 0; at < size && n < ENVIRON_LINES; at += strlen(text + at) + 1)
			list[n++] = text + at;
		env_read(ret, list, executable, false);
	} else if (from) {
		r = -ENOMEM;
	}
	if (from)
		(void)fclose(from);
	free(list);
	free(text);
	return r;
}

static bool has_library(pid_t pid)
{
	FILE *from = file_of(pid, "maps");
	char line[4096];
	bool found = false;

	while (from && !found && fgets(line, sizeof(line), from))
		found = strstr(line, "/libpelorus.so") != NULL;
	if (from)
		(void)fclose(from);
	return found;
}

int as_process_become(pid_t pid, struct as_process *ret)
{
	char path[64], executable[ENV_PATH_MAX] = "";
	struct stat st;
	int r;

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	(void)!readlink(path, executable, sizeof(executable) - 1);
	r = environ_read(pid, executable, &ret->env);
	if (r < 0)
		return r;
	ret->has_library = has_library(pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	ret->netns = stat(path, &st) == 0 ? st.st_ino : 0;
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	if (stat(path, &st) < 0 || (st.st_uid != geteuid() && seteuid(st.st_uid) < 0))
		return -errno;
	if (*ret->env.runtime_dir)
		(void)setenv("PELORUS_RUNTIME_DIR", ret->env.runtime_dir, 1);
	else
		(void)unsetenv("PELORUS_RUNTIME_DIR");
	return 0;
}
