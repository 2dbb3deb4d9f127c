/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every hook of a client library's function begins with.
 *
 * A hook only guards: a pointer that is not followed, and a call that the library makes to itself,
 * go to the real function at once.
 */
#ifndef PELORUS_LIB_CLIENT_HOOK_H
#define PELORUS_LIB_CLIENT_HOOK_H

#include "functions.h"
#include "call.h"

/* Where the hook's caller is. */
#define ABI_FROM __builtin_return_address(0)

/* The connection, if the call is to be more than passed on; NULL otherwise. */
static inline struct abi_handle *abi_guard(const void *mysql, const void *from)
{
	struct abi_handle *h = abi_handle_of(mysql);

	return h && !abi_client_contains(h->client, from) ? h : NULL;
}

/* The same in a few instructions: NULL means nothing if *ret_behind. */
static inline struct abi_handle *abi_guard_first(const void *mysql, const void *from,
	bool *ret_behind)
{
	struct abi_handle *h = NULL;

	*ret_behind = false;
	if (!abi_depth)
		h = abi_find_first(mysql, ret_behind);
	return h && !abi_client_contains(h->client, from) ? h : NULL;
}

/* The same for a statement whose connection is still there. */
static inline struct abi_stmt *abi_guard_stmt(const void *stmt, const void *from)
{
	struct abi_stmt *s = abi_stmt_of(stmt);

	return s && s->handle && !abi_client_contains(s->handle->client, from) ? s : NULL;
}

#endif
