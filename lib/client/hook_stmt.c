/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements.
 *
 * One that was prepared before the connection moved is never passed to the library again until it is
 * prepared anew: on the new connection its number may be another statement's.
 */
#include "hook.h"

void *mysql_stmt_init(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);
	void *stmt = c ? c->real.stmt_init(mysql) : NULL;

	if (h && stmt)
		abi_stmt_new(stmt, h);
	return stmt;
}

static int run_prepare(const struct abi_call *call)
{
	return call->handle->client->real.stmt_prepare(call->stmt->stmt, call->argument,
		call->number);
}

int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.stmt_prepare(stmt, text, n) : 1;
	}
	result = abi_run(&(const struct abi_call){.run = run_prepare,
		.handle = s->handle,
		.stmt = s,
		.class = PEL_SQL_READ,
		.argument = text,
		.number = n});
	if (result == 0) {
		s->epoch = s->handle->epoch;
		s->class = pel_sql_classify(text, n, abi_handle_sql_flags(s->handle));
	}
	return result;
}

/* True if the connection has moved since; the error is then told. */
static bool is_lost(struct abi_stmt *s)
{
	if (s->epoch == s->handle->epoch)
		return false;
	abi_tell(&s->told, 2013, ABI_TELL_CHANGED,
		"This statement was prepared on a connection that was lost");
	s->handle->told = s->told;
	return true;
}

static int run_execute(const struct abi_call *call)
{
	return call->handle->client->real.stmt_execute(call->stmt->stmt);
}

int mysql_stmt_execute(void *stmt)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.stmt_execute(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	result = abi_run(&(const struct abi_call){.run = run_execute,
		.handle = s->handle,
		.stmt = s,
		.class = s->class,
		.once = true});
	if (result == 0)
		abi_session_note(&s->handle->session,
			s->class == PEL_SQL_SET || s->class == PEL_SQL_USE ? PEL_SQL_DIRTY
									   : s->class,
			"", 0, 0);
	return result;
}

static int run_nothing(const struct abi_call *call)
{
	return -1;
}

/* A result that broke off. */
static int broken(struct abi_stmt *s, int result)
{
	const struct abi_call call = {.run = run_nothing,
		.handle = s->handle,
		.stmt = s,
		.class = PEL_SQL_READ,
		.once = true};

	return abi_recover(&call, result);
}

int mysql_stmt_fetch(void *stmt)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.stmt_fetch(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	abi_depth++;
	result = s->handle->client->real.stmt_fetch(stmt);
	abi_depth--;
	return result == 1 ? broken(s, result) : result;
}

int mysql_stmt_store_result(void *stmt)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.stmt_store_result(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	abi_depth++;
	result = s->handle->client->real.stmt_store_result(stmt);
	abi_depth--;
	return result != 0 ? broken(s, result) : 0;
}

int mysql_stmt_next_result(void *stmt)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c && c->real.stmt_next_result ? c->real.stmt_next_result(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	abi_depth++;
	result = s->handle->client->real.stmt_next_result(stmt);
	abi_depth--;
	return result > 0 ? broken(s, result) : result;
}

abi_bool mysql_stmt_reset(void *stmt)
{
	struct abi_stmt *s = abi_guard_stmt(stmt, ABI_FROM);
	const struct abi_client *c;
	abi_bool result;

	if (!s) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.stmt_reset(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	abi_depth++;
	result = s->handle->client->real.stmt_reset(stmt);
	abi_depth--;
	return result ? (abi_bool)broken(s, result) : 0;
}

abi_bool mysql_stmt_close(void *stmt)
{
	struct abi_stmt *s = abi_depth ? NULL : abi_stmt_of(stmt);
	const struct abi_client *c = abi_client_of(ABI_FROM);

	if (s) {
		if (s->handle)
			c = s->handle->client;
		abi_stmt_free(s);
	}
	return c ? c->real.stmt_close(stmt) : 1;
}
