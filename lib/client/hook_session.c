/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that change the session without being statements: what they leave in it is noted.
 *
 * A session that holds a prepared statement is not moved, since on a new connection its number may
 * be another's.  What is executed, and its errors, are none of our business.
 */
#include "hook.h"

static client_bool end_transaction(struct handle *h, client_bool failed)
{
	if (h && !failed)
		h->session.transaction = false;
	return failed;
}

client_bool mysql_commit(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);

	return call.lib ? end_transaction(call.h, call.lib->real.commit(mysql)) : 1;
}

client_bool mysql_rollback(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);

	return call.lib ? end_transaction(call.h, call.lib->real.rollback(mysql)) : 1;
}

client_bool mysql_autocommit(void *mysql, client_bool on)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	client_bool failed = call.lib ? call.lib->real.autocommit(mysql, on) : 1;

	if (call.h && !failed)
		call.h->session.autocommit = on != 0;
	return failed;
}

int mysql_select_db(void *mysql, const char *db)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	int result = call.lib ? call.lib->real.select_db(mysql, db) : 1;

	if (call.h && result == 0)
		session_forget_database(&call.h->session);
	return result;
}

int mysql_set_character_set(void *mysql, const char *name)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	int result = call.lib ? call.lib->real.set_character_set(mysql, name) : 1;

	if (call.h && result == 0)
		session_forget_charset(&call.h->session);
	return result;
}

/* The call threw the session away: it begins anew, with the server's autocommit. */
static void begin_anew(struct handle *h)
{
	session_init(&h->session);
	h->moved = false;
	(void)handle_note_autocommit(h);
	for (struct statement *s = h->statements; s; s = s->next)
		s->prepared = false;
}

client_bool mysql_change_user(void *mysql, const char *user, const char *password, const char *db)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	client_bool failed = call.lib ? call.lib->real.change_user(mysql, user, password, db) : 1;

	if (!call.h || failed)
		return failed;
	begin_anew(call.h);
	handle_note_collation(call.h);
	return failed;
}

int mysql_reset_connection(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	int result = call.lib ? call.lib->real.reset_connection(mysql) : 1;

	if (call.h && result == 0)
		begin_anew(call.h);
	return result;
}

void *mysql_stmt_init(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	void *stmt = call.lib ? call.lib->real.stmt_init(mysql) : NULL;

	if (call.h && stmt)
		statement_new(stmt, call.h);
	return stmt;
}

/* What it may leave in the session when it is executed outlives it. */
static void note_prepared(struct statement *s, const char *text, size_t n)
{
	unsigned flags = handle_sql_flags(s->handle);
	enum pel_sql_class class = pel_sql_classify(text, hook_length(text, n), flags);

	s->prepared = true;
	if (class != PEL_SQL_READ && class != PEL_SQL_WRITE && class != PEL_SQL_PEEK)
		s->handle->session.dirty = true;
}

int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	struct statement *s = hook_guard_statement(stmt, HOOK_CALLER);
	const struct library *lib = s ? s->handle->library : library_of(HOOK_CALLER);
	int result;

	if (s)
		call_begin(s->handle, text, hook_length(text, n));
	result = lib ? lib->real.stmt_prepare(stmt, text, n) : 1;
	if (s && result == 0)
		note_prepared(s, text, n);
	return result;
}
