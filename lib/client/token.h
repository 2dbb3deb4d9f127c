/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PELORUS_AUTH=iam: the password of a connection by a followed name is an RDS token, which the
 * prober makes (`auth = iam` in its configuration).
 */
#ifndef PELORUS_LIB_CLIENT_TOKEN_H
#define PELORUS_LIB_CLIENT_TOKEN_H

#include "library.h"

#include <stdbool.h>

#define TOKEN_MAX 4096

bool token_is_wanted(void);

/*
 * A fresh token for this login; the handle is then told never to go without verified TLS.  False if
 * none is wanted, or none can be had, which is said: the program's own password is used then.  The
 * caller wipes *ret.
 */
bool token_take(const struct library *lib, void *mysql, const char *host, const char *user,
	unsigned port, char ret[static TOKEN_MAX]);

#endif
