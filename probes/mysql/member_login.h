/* SPDX-License-Identifier: Apache-2.0 */
/* What a login may do and how it failed: the options and the errors of libmariadb. */
#ifndef MEMBER_LOGIN_H
#define MEMBER_LOGIN_H

#include "member.h"

#include <mysql.h>

/* A handle with all options set; NULL if there is no memory. */
MYSQL *member_login_prepare(const struct tls_settings *tls,
	int (*wait)(int fd, my_bool is_read, int timeout));

/*
 * Before each step of a login: libmariadb reads all authorities of the system for every handshake, 20 ms
 * of work on the loop, also where nobody is verified by them.
 */
void member_login_trust(const struct tls_settings *tls);

/* Why a login failed; `dialling`: TCP was not up yet.  The text lives in the handle. */
void member_login_judge(MYSQL *mysql, bool dialling, struct member_failure *ret);

/* True for codes that the client library made, not the server. */
bool member_login_is_client_error(unsigned code);

#endif
