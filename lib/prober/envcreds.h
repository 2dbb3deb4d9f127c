/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that a program's environment holds for one very name.  Pure.
 *
 *   PELORUS_USER, PELORUS_PASSWORD                 for every followed name
 *   PELORUS_DATABASE_URL, DATABASE_URL, MYSQL_URL, DB_URL, TYPEORM_URL
 *                                                  if its host is that name
 *   DB_HOST, DB_USER or DB_USERNAME, DB_PASSWORD   likewise (also DB_HOSTNAME, DB_PASS)
 *   MYSQL_HOST, MYSQL_USER, MYSQL_PASSWORD         likewise (also MYSQL_PWD)
 *   WORDPRESS_DB_HOST, _USER, _PASSWORD            likewise
 *   RDS_HOSTNAME, RDS_USERNAME, RDS_PASSWORD       likewise
 *   TYPEORM_HOST, _USERNAME, _PASSWORD             likewise
 *
 * TLS: PELORUS_SSL=1, PELORUS_SSL_CA, PELORUS_SSL_VERIFY=1, MYSQL_ATTR_SSL_CA, and of an URL
 * sslmode or ssl-mode, ssl and sslca.
 */
#ifndef PELORUS_LIB_PROBER_ENVCREDS_H
#define PELORUS_LIB_PROBER_ENVCREDS_H

#include "base/environ.h"

#include <pelorus/map.h>

#include <stdbool.h>

struct envcreds {
	char user[128];
	char password[1024];
	char ssl_ca[256]; /* empty: not set */
	bool ssl;
	bool ssl_verify;
};

/* Beginnings of the variables above but PELORUS_*, for environ_keep(). */
extern const char envcreds_variables[];

/* The first set that is for this name (normal form).  False: there is none. */
bool envcreds_find(const struct environ_kept *env, const char *name, struct envcreds *ret);

/*
 * The host that the i-th of these says, in normal form, "" if it says none; false behind the last.  The
 * library has no use for it, and so does not contain it; the command does.
 */
bool envcreds_host(const struct environ_kept *env, unsigned i, char ret[static PEL_NAME_MAX]);

#endif
