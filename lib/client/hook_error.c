/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: ours, where one is shown instead, and the library's own. */
#include "hook.h"

static const struct shown_error *shown_by(const void *mysql)
{
	const struct handle *h = handle_of(mysql);

	return h && h->shown.error ? &h->shown : NULL;
}

static const struct shown_error *shown_by_statement(const void *stmt)
{
	const struct statement *s = statement_of(stmt);

	return s && s->shown.error ? &s->shown : NULL;
}

unsigned mysql_errno(void *mysql)
{
	const struct shown_error *shown = shown_by(mysql);
	const struct library *lib;

	if (shown)
		return shown->error;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.errnum(mysql) : 0;
}

const char *mysql_error(void *mysql)
{
	const struct shown_error *shown = shown_by(mysql);
	const struct library *lib;

	if (shown)
		return shown->message;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.error(mysql) : "";
}

const char *mysql_sqlstate(void *mysql)
{
	const struct shown_error *shown = shown_by(mysql);
	const struct library *lib;

	if (shown)
		return shown->sqlstate;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.sqlstate(mysql) : "HY000";
}

unsigned mysql_stmt_errno(void *stmt)
{
	const struct shown_error *shown = shown_by_statement(stmt);
	const struct library *lib;

	if (shown)
		return shown->error;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.stmt_errno(stmt) : 0;
}

const char *mysql_stmt_error(void *stmt)
{
	const struct shown_error *shown = shown_by_statement(stmt);
	const struct library *lib;

	if (shown)
		return shown->message;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.stmt_error(stmt) : "";
}

const char *mysql_stmt_sqlstate(void *stmt)
{
	const struct shown_error *shown = shown_by_statement(stmt);
	const struct library *lib;

	if (shown)
		return shown->sqlstate;
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.stmt_sqlstate(stmt) : "HY000";
}
