/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every hook of a client library's function begins with.
 *
 * A hook only guards: a pointer that is not followed, and a call that the library makes to itself,
 * go to the real function at once.
 */
#ifndef PELORUS_LIB_CLIENT_HOOK_H
#define PELORUS_LIB_CLIENT_HOOK_H

#include "call.h"
#include "functions.h"

/* Where the hook's caller is. */
#define HOOK_CALLER __builtin_return_address(0)

/* The connection, if the call is to be more than passed on; NULL otherwise. */
static inline struct handle *hook_guard(const void *mysql, const void *from)
{
	struct handle *h = handle_of(mysql);

	return h && !library_contains(h->library, from) ? h : NULL;
}

/* The same for a statement whose connection is still there. */
static inline struct statement *hook_guard_statement(const void *stmt, const void *from)
{
	struct statement *s = statement_of(stmt);

	return s && s->handle && !library_contains(s->handle->library, from) ? s : NULL;
}

#endif
