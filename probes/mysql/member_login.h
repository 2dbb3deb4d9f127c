/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A login: what it may do, its steps, and how it failed.
 *
 * The handshake of TLS is the one operation of libmariadb that waits by itself, without any limit.  It
 * calls back where it would: the login, which runs on a stack of its own, is left where it is until the
 * loop has what it waits for.
 */
#ifndef MEMBER_LOGIN_H
#define MEMBER_LOGIN_H

#include "member.h"

#include <mysql.h>

#define MEMBER_LOGIN_NO_TLS "TLS is required here, and the server does not offer it"

struct member_login;

/* All but the times is copied or stays the caller's until the login has ended; NULL without memory. */
struct member_login *member_login_new(const char *host, uint16_t port,
	const struct credential *credential);

/* The connection outlives the login, and is closed by the caller. */
void member_login_free(struct member_login *l);
MYSQL *member_login_handle(const struct member_login *l);

/* Begins (0) or goes on with MYSQL_WAIT_* that came; what it waits for now, 0 when it has ended. */
int member_login_enter(struct member_login *l, int status);

/* Whether the server has said its first word. */
bool member_login_is_greeted(const struct member_login *l);

/* Whether it came to a connection. */
bool member_login_is_up(const struct member_login *l);

/* Over TLS libmariadb leaves its socket blocking: a server that falls silent would stop the loop. */
void member_login_unblock(int fd);

/* Why a login failed; `dialling`: TCP was not up yet.  The text lives as long as the login. */
void member_login_judge(struct member_login *l, bool dialling, struct member_failure *ret);

/* The same, by libmariadb's error alone. */
void member_login_judge_error(MYSQL *mysql, bool dialling, struct member_failure *ret);

/* True for codes that the client library made, not the server. */
bool member_login_is_client_error(unsigned code);

#endif
