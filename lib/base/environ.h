/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of KEY=VALUE, and those variables of this process that are kept as they were at load, for
 * a program may clear or change its environment.
 */
#ifndef PELORUS_LIB_BASE_ENVIRON_H
#define PELORUS_LIB_BASE_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#define ENVIRON_KEPT_MAX 8192

struct environ_kept {
	size_t size;
	bool full;                   /* some line had no room */
	char text[ENVIRON_KEPT_MAX]; /* KEY=VALUE, each with its NUL */
};

/*
 * What follows `start` in a line that begins with it, or NULL.  Every start of every process asks
 * this of each variable; most differ in their first letter.
 */
static inline const char *environ_after(const char *line, const char *start)
{
	for (; *start; line++, start++) {
		if (*line != *start)
			return NULL;
	}
	return line;
}

/* The value of KEY in a NULL-terminated list, or NULL. */
const char *environ_value(char *const *list, const char *key);

/* True if a line begins with one of `starts`, which are NUL-separated and end with an empty one. */
bool environ_begins(const char *line, const char *starts);

/* Keeps the lines that do, as far as there is room. */
void environ_keep(struct environ_kept *kept, char *const *list, const char *starts);

/* The value of KEY among what was kept, or NULL. */
const char *environ_kept_value(const struct environ_kept *kept, const char *key);

/* The same of this process's environment: what is kept is added in the constructor. */
void environ_keep_own(const char *starts);
const struct environ_kept *environ_get(void);

#endif
