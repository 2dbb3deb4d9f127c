/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin caching_sha2_password, less trusting than libmariadb's own.
 *
 * A server that remembers the password's hash is content with a scramble.  One that does not asks
 * for the password itself, in clear over TLS or under an RSA key that it sends: whoever answers for
 * the name could do that.  Here the password goes only over TLS whose certificate was verified.
 */
#ifndef PELORUS_PROBES_MYSQL_SHA2_LOGIN_H
#define PELORUS_PROBES_MYSQL_SHA2_LOGIN_H

#include <stdbool.h>

#include <mysql.h>

/* Takes the place of libmariadb's, for the whole process; before the first login.  0 or -ENOSYS. */
int sha2_login_register(void);

/* Whether this connection verifies its server; false unless told. */
void sha2_login_set_verified(MYSQL *mysql, bool verified);

#endif
