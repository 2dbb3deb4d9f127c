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

#include <string.h>

/* Where the hook's caller is. */
#define HOOK_CALLER __builtin_return_address(0)

/* The connection, if the call is to be more than passed on; NULL otherwise. */
static inline struct handle *hook_guard(const void *mysql, const void *from)
{
	struct handle *h = handle_of(mysql);

	return h && !library_contains(h->library, from) ? h : NULL;
}

/* What a hook knows of a call: the connection as above, and the library to pass it on to, or NULL. */
struct hook {
	struct handle *h;
	const struct library *lib;
};

static inline struct hook hook_begin(const void *mysql, const void *from)
{
	struct handle *h = hook_guard(mysql, from);

	return (struct hook){h, h ? h->library : library_of(from)};
}

/* Libraries' "up to the NUL" */
static inline size_t hook_length(const char *text, size_t n)
{
	return n == ~(size_t)0 ? strlen(text) : n;
}

/* The same of a statement, as long as its connection is there. */
static inline struct statement *hook_guard_statement(const void *stmt, const void *from)
{
	struct statement *s = statement_of(stmt);

	return s && !library_contains(s->handle->library, from) ? s : NULL;
}

#endif
