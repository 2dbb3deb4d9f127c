/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program has its credentials from: a file of KEY=VALUE lines as dotenv reads it (.env), and
 * the environment, as the preloaded library looks at it.
 */
#ifndef ENV_FILE_H
#define ENV_FILE_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>

#define ENV_FILE_MAX 65536
#define ENV_FILE_LINES 512
#define ENV_URL_MAX 8000

struct env_file {
	char *list[ENV_FILE_LINES + 1]; /* KEY=VALUE, in `room`; NULL at the end */
	unsigned n;
	size_t used;
	char room[2 * ENV_FILE_MAX];
};

/*
 * Takes `text` apart: blank lines, comments, `export `, 'as it stands', "with \n and ${KEY}", `as it
 * stands`, bare with ${KEY} and a comment behind a blank.  What is no assignment is passed over, of
 * two of one key the last counts, and ${KEY} is an earlier line's, else the environment's, else empty.
 * 0, or -ENOSPC.
 */
int env_file_parse(const char *text, struct env_file *ret);

/* What is worked on holds secrets: as a file in memory. */
void env_file_wipe(struct env_file *file);

/*
 * A URL with the host of the file's database and the credentials for it: for PELORUS_DATABASE_URL.
 * 0; -ENODATA: the file names no host together with a user; -EFBIG, -ENOSPC: it is too long; -errno.
 */
int env_file_url(const char *path, char ret[static ENV_URL_MAX]);

/* The host of the i-th set of variables in this environment, "" if it has none; false: no more sets. */
bool env_host(unsigned i, char ret[static PEL_NAME_MAX]);

/* Whether this environment holds credentials for that name. */
bool env_has_credentials(const char *name);

#endif
