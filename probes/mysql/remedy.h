/* SPDX-License-Identifier: Apache-2.0 */
/* What mends a login or a question that was refused, as one line.  Never a password. */
#ifndef PELORUS_PROBES_MYSQL_REMEDY_H
#define PELORUS_PROBES_MYSQL_REMEDY_H

#include "config/config.h"

#include <stddef.h>

#define REMEDY_MAX 768

/*
 * A login that the server denied with this code: the SQL for just this user.  `grants` as "USAGE ON
 * *.*", up to NULL.
 */
void remedy_of_login(const char *user, unsigned code, const char *const *grants, char *ret,
	size_t size);

/* A login that did not meet our conditions, by the client library's code and words. */
const char *remedy_of_unfit(unsigned code, const char *text);

/*
 * The grants that mend a refused question: the privilege that the server's words name, else those that
 * the kind of cluster needs, for the account as CURRENT_USER() tells it (NULL: it did not).
 */
void remedy_of_question(const char *refusal, const char *account, const char *const *grants,
	char *ret, size_t size);

#endif
