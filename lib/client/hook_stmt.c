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
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);
	void *stmt = lib ? lib->real.stmt_init(mysql) : NULL;

	if (h && stmt)
		statement_new(stmt, h);
	return stmt;
}

static int run_prepare(const struct call *call)
{
	return call->handle->library->real.stmt_prepare(call->stmt->stmt, call->argument,
		call->number);
}

int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.stmt_prepare(stmt, text, n) : 1;
	}
	result = call_run(&(const struct call){.run = run_prepare,
		.handle = s->handle,
		.stmt = s,
		.class = PEL_SQL_READ,
		.argument = text,
		.number = n});
	if (result == 0) {
		s->epoch = s->handle->epoch;
		s->class = pel_sql_classify(text, n, handle_sql_flags(s->handle));
	}
	return result;
}

/* True if the connection has moved since; the error is then shown. */
static bool is_lost(struct statement *s)
{
	if (s->epoch == s->handle->epoch)
		return false;
	shown_set(&s->shown, 2013, RETRY_SHOW_CHANGED,
		"This statement was prepared on a connection that was lost");
	s->handle->shown = s->shown;
	return true;
}

static int run_execute(const struct call *call)
{
	return call->handle->library->real.stmt_execute(call->stmt->stmt);
}

int mysql_stmt_execute(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.stmt_execute(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	result = call_run(&(const struct call){.run = run_execute,
		.handle = s->handle,
		.stmt = s,
		.class = s->class,
		.once = true});
	if (result == 0)
		session_note(&s->handle->session,
			s->class == PEL_SQL_SET || s->class == PEL_SQL_USE ? PEL_SQL_DIRTY
									   : s->class,
			"", 0, 0);
	return result;
}

static int run_nothing(const struct call *call)
{
	return -1;
}

/* A result that broke off. */
static int broken(struct statement *s, int result)
{
	const struct call call = {.run = run_nothing,
		.handle = s->handle,
		.stmt = s,
		.class = PEL_SQL_READ,
		.once = true};

	return call_recover(&call, result);
}

int mysql_stmt_fetch(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.stmt_fetch(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	client_depth++;
	result = s->handle->library->real.stmt_fetch(stmt);
	client_depth--;
	return result == 1 ? broken(s, result) : result;
}

int mysql_stmt_store_result(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.stmt_store_result(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	client_depth++;
	result = s->handle->library->real.stmt_store_result(stmt);
	client_depth--;
	return result != 0 ? broken(s, result) : 0;
}

int mysql_stmt_next_result(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib && lib->real.stmt_next_result ? lib->real.stmt_next_result(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	client_depth++;
	result = s->handle->library->real.stmt_next_result(stmt);
	client_depth--;
	return result > 0 ? broken(s, result) : result;
}

client_bool mysql_stmt_reset(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib;
	client_bool result;

	if (!s) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.stmt_reset(stmt) : 1;
	}
	if (is_lost(s))
		return 1;
	client_depth++;
	result = s->handle->library->real.stmt_reset(stmt);
	client_depth--;
	return result ? (client_bool)broken(s, result) : 0;
}

client_bool mysql_stmt_close(void *stmt)
{
	struct statement *s = client_depth ? NULL : statement_of(stmt);
	const struct library *lib = library_of(HOOK_CALLER);

	if (s) {
		if (s->handle)
			lib = s->handle->library;
		statement_free(s);
	}
	return lib ? lib->real.stmt_close(stmt) : 1;
}
