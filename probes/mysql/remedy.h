/* SPDX-License-Identifier: Apache-2.0 */
/* What mends a login or a question that was refused, as one line.  Never a password. */
#ifndef PELORUS_PROBES_MYSQL_REMEDY_H
#define PELORUS_PROBES_MYSQL_REMEDY_H

#include "config/config.h"

#include <stddef.h>

#define REMEDY_MAX 768

/* A login that the server denied with this code: the SQL for just this user. */
void remedy_of_login(const char *user, unsigned code, enum config_dialect dialect, char *ret,
	size_t size);

/* A login that did not meet our conditions, by the client library's code and words. */
const char *remedy_of_unfit(unsigned code, const char *text);

/*
 * The grant that mends a refused question: the privilege that the server's words name, else the one
 * that replication is watched with, for the account as CURRENT_USER() tells it (NULL: it did not).
 */
void remedy_of_question(const char *refusal, const char *account, char *ret, size_t size);

#endif
