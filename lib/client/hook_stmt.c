/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements.
 *
 * One that was prepared before the connection moved is never passed to the library again until it is
 * prepared anew: on the new connection its number may be another statement's.
 */
#include "hook.h"

#define NO_DATA 100 /* MYSQL_NO_DATA; then MYSQL_DATA_TRUNCATED: no errors */

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
	return call->real->stmt_prepare(call->object, call->argument, call->number);
}

int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	struct call call = {.run = run_prepare,
		.object = stmt,
		.handle = s ? s->handle : NULL,
		.stmt = s,
		.class = PEL_SQL_READ,
		.argument = text,
		.number = n};
	int result = call_from(&call, HOOK_CALLER);

	if (s && result == 0) {
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
	return call->real->stmt_execute(call->object);
}

int mysql_stmt_execute(void *stmt)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	struct call call = {.run = run_execute,
		.object = stmt,
		.handle = s ? s->handle : NULL,
		.stmt = s,
		.class = s ? s->class : PEL_SQL_DIRTY,
		.once = true};
	int result;

	if (s && is_lost(s))
		return 1;
	result = call_from(&call, HOOK_CALLER);
	if (s && result == 0)
		session_note(&s->handle->session,
			s->class == PEL_SQL_SET || s->class == PEL_SQL_USE ? PEL_SQL_DIRTY
									   : s->class,
			"", 0, 0);
	return result;
}

/*
 * A call on a statement's result.  Where that broke off with the connection, the statement itself was
 * executed, and nothing is executed again.
 */
static int on_result(void *stmt, const void *from, int (*run)(const struct call *call))
{
	struct statement *s = hook_guard_statement(stmt, from);
	const struct library *lib = s ? s->handle->library : library_of(from);
	struct call call = {.run = run,
		.object = stmt,
		.handle = s ? s->handle : NULL,
		.stmt = s,
		.class = PEL_SQL_READ,
		.once = true};
	int result;

	if (!lib || (s && is_lost(s)))
		return 1;
	call.real = &lib->real;
	if (!s)
		return run(&call);
	client_depth++;
	result = run(&call);
	client_depth--;
	return result > 0 && result < NO_DATA ? call_recover(&call, result) : result;
}

static int run_fetch(const struct call *call)
{
	return call->real->stmt_fetch(call->object);
}

int mysql_stmt_fetch(void *stmt)
{
	return on_result(stmt, HOOK_CALLER, run_fetch);
}

static int run_store(const struct call *call)
{
	return call->real->stmt_store_result(call->object);
}

int mysql_stmt_store_result(void *stmt)
{
	return on_result(stmt, HOOK_CALLER, run_store);
}

static int run_next(const struct call *call)
{
	return call->real->stmt_next_result ? call->real->stmt_next_result(call->object) : 1;
}

int mysql_stmt_next_result(void *stmt)
{
	return on_result(stmt, HOOK_CALLER, run_next);
}

static int run_reset(const struct call *call)
{
	return call->real->stmt_reset(call->object);
}

client_bool mysql_stmt_reset(void *stmt)
{
	return (client_bool)on_result(stmt, HOOK_CALLER, run_reset);
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
