/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements: a session that holds one is not moved, since on a new connection its number
 * may be another statement's.  What is executed, and its errors, are none of our business.
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

/* What it may leave in the session when it is executed outlives it. */
static void note_prepared(struct statement *s, const char *text, size_t n)
{
	enum pel_sql_class class = pel_sql_classify(text, n, handle_sql_flags(s->handle));

	s->prepared = true;
	if (class != PEL_SQL_READ && class != PEL_SQL_WRITE && class != PEL_SQL_PEEK)
		s->handle->session.dirty = true;
}

int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib = s ? s->handle->library : library_of(HOOK_CALLER);
	int result = lib ? lib->real.stmt_prepare(stmt, text, n) : 1;

	if (s && result == 0)
		note_prepared(s, text, n);
	return result;
}

client_bool mysql_stmt_close(void *stmt)
{
	struct statement *s = statement_of(stmt);
	const struct library *lib = s && s->handle ? s->handle->library : library_of(HOOK_CALLER);

	if (s)
		statement_free(s);
	return lib ? lib->real.stmt_close(stmt) : 1;
}
