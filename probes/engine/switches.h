/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that were switched off by hand, and whether all are.
 *
 * They stand in memory that all workers share, and in a file of the runtime directory, a name a line,
 * `*` for all: so they outlive the prober, but not the machine's next start.  The file is read once.
 * What the configuration says of a `mode` is apart from it.
 */
#ifndef SWITCHES_H
#define SWITCHES_H

#include <pelorus/map.h>

#include <stdbool.h>

#define SWITCHES_FILE "switched-off"

struct switches {
	bool read; /* what the file says is known; until then all are off */
	bool all;
	unsigned n;
	char names[PEL_MAP_CLUSTERS][PEL_NAME_MAX]; /* normal form */
};

/* In memory that is shared with children, who are not to free it; or NULL. */
struct switches *switches_new(void);
void switches_free(struct switches *s);

/*
 * What the file says; nothing is off where there is none.  0, or -errno if there is one that cannot be
 * read: then it is to be read again.
 */
int switches_load(struct switches *s, int dirfd);

/* 0 or -errno: then the file is as it was. */
int switches_save(const struct switches *s, int dirfd);

/* A name in normal form.  0, or -ENOSPC. */
int switches_off(struct switches *s, const char *name);

/* Forgets all names of which this is true, and that all are off. */
typedef bool switches_is_one(const void *ctx, const char *name);
void switches_on(struct switches *s, switches_is_one *is_one, const void *ctx);

bool switches_any(const struct switches *s, switches_is_one *is_one, const void *ctx);

#endif
