/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements as text.  Results are not looked at: a connection that is lost in one is found lost by
 * the next statement.
 */
#include "connection.h"
#include "hook.h"

#include <string.h>

static int run_query(struct handle *h, const char *text, size_t n)
{
	return h->library->real.real_query(h->mysql, text, n);
}

static int run_send(struct handle *h, const char *text, size_t n)
{
	return h->library->real.send_query(h->mysql, text, n);
}

/* What a statement that is only sent leaves in the session is noted now: its result comes later. */
static int execute(struct handle *h, call_run *run, const char *text, size_t n)
{
	int result;

	if (n == ~(size_t)0) /* libmysqlclient's "up to the NUL" */
		n = strlen(text);
	connection_note_begin(h);
	result = run(h, text, n);
	if (result != 0)
		return call_failed(h, run, text, n, result);
	if (!pel_sql_is_harmless(text, n))
		call_note(h, text, n);
	return 0;
}

static int query(void *mysql, const char *text, size_t n, const void *from)
{
	struct handle *h = hook_guard(mysql, from);
	const struct library *lib = h ? h->library : library_of(from);

	if (h)
		return execute(h, run_query, text, n);
	return lib ? lib->real.real_query(mysql, text, n) : 1;
}

int mysql_real_query(void *mysql, const char *text, unsigned long n)
{
	return query(mysql, text, n, HOOK_CALLER);
}

/* The library's own jumps to mysql_real_query(), which would come to us as a call from our own code. */
int mysql_query(void *mysql, const char *text)
{
	return query(mysql, text, strlen(text), HOOK_CALLER);
}

int mysql_send_query(void *mysql, const char *text, unsigned long n)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h)
		return execute(h, run_send, text, n);
	return lib ? lib->real.send_query(mysql, text, n) : 1;
}

client_bool mysql_read_query_result(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);
	client_bool failed;

	if (!h)
		return lib ? lib->real.read_query_result(mysql) : 1;
	failed = lib->real.read_query_result(mysql);
	if (failed)
		call_note_failure(h);
	return failed;
}

static int run_ping(struct handle *h, const char *text, size_t n)
{
	return h->library->real.ping(h->mysql);
}

int mysql_ping(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);
	int result;

	if (!lib || !lib->real.ping)
		return 1;
	if (h) {
		h->left |= library_reconnects(lib, mysql);
		connection_note_begin(h);
	}
	result = lib->real.ping(mysql);
	return !h || result == 0 ? result : call_failed(h, run_ping, NULL, 0, result);
}
