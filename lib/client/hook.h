/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client library's functions that we stand in for, with its pointers opaque.
 *
 * A hook only guards: a pointer that is not followed, and a call that the library makes to itself,
 * go to the real function at once.
 */
#ifndef PELORUS_LIB_CLIENT_HOOK_H
#define PELORUS_LIB_CLIENT_HOOK_H

#include "functions.h"
#include "call.h"

#define ABI_EXPORT __attribute__((visibility("default")))

ABI_EXPORT void *mysql_real_connect(void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags);
ABI_EXPORT void mysql_close(void *mysql);
ABI_EXPORT int mysql_query(void *mysql, const char *text);
ABI_EXPORT int mysql_real_query(void *mysql, const char *text, unsigned long n);
ABI_EXPORT int mysql_send_query(void *mysql, const char *text, unsigned long n);
ABI_EXPORT abi_bool mysql_read_query_result(void *mysql);
ABI_EXPORT void *mysql_store_result(void *mysql);
ABI_EXPORT int mysql_next_result(void *mysql);
ABI_EXPORT abi_bool mysql_commit(void *mysql);
ABI_EXPORT abi_bool mysql_rollback(void *mysql);
ABI_EXPORT abi_bool mysql_autocommit(void *mysql, abi_bool on);
ABI_EXPORT int mysql_select_db(void *mysql, const char *db);
ABI_EXPORT abi_bool mysql_change_user(void *mysql, const char *user, const char *password,
	const char *db);
ABI_EXPORT int mysql_set_character_set(void *mysql, const char *name);
ABI_EXPORT int mysql_reset_connection(void *mysql);
ABI_EXPORT int mysql_ping(void *mysql);
ABI_EXPORT unsigned mysql_errno(void *mysql);
ABI_EXPORT const char *mysql_error(void *mysql);
ABI_EXPORT const char *mysql_sqlstate(void *mysql);
ABI_EXPORT void *mysql_stmt_init(void *mysql);
ABI_EXPORT int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n);
ABI_EXPORT int mysql_stmt_execute(void *stmt);
ABI_EXPORT int mysql_stmt_fetch(void *stmt);
ABI_EXPORT int mysql_stmt_store_result(void *stmt);
ABI_EXPORT int mysql_stmt_next_result(void *stmt);
ABI_EXPORT abi_bool mysql_stmt_reset(void *stmt);
ABI_EXPORT abi_bool mysql_stmt_close(void *stmt);
ABI_EXPORT unsigned mysql_stmt_errno(void *stmt);
ABI_EXPORT const char *mysql_stmt_error(void *stmt);
ABI_EXPORT const char *mysql_stmt_sqlstate(void *stmt);

ABI_EXPORT int mysql_real_connect_start(void **ret, void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags);
ABI_EXPORT int mysql_real_connect_cont(void **ret, void *mysql, int events);
ABI_EXPORT int mysql_query_start(int *ret, void *mysql, const char *text);
ABI_EXPORT int mysql_query_cont(int *ret, void *mysql, int events);
ABI_EXPORT int mysql_real_query_start(int *ret, void *mysql, const char *text, unsigned long n);
ABI_EXPORT int mysql_real_query_cont(int *ret, void *mysql, int events);
ABI_EXPORT int mysql_close_start(void *mysql);

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
