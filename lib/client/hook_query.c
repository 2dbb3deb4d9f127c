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

	n = hook_length(text, n);
	call_begin(h, text, n);
	result = run(h, text, n);
	if (result != 0)
		return call_failed(h, run, text, n, result);
	if (!pel_sql_is_harmless(text, n))
		call_note(h, text, n);
	return 0;
}

static int query(void *mysql, const char *text, size_t n, const void *from)
{
	const struct hook call = hook_begin(mysql, from);

	if (call.h)
		return execute(call.h, run_query, text, n);
	return call.lib ? call.lib->real.real_query(mysql, text, n) : 1;
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
	const struct hook call = hook_begin(mysql, HOOK_CALLER);

	if (call.h)
		return execute(call.h, run_send, text, n);
	return call.lib ? call.lib->real.send_query(mysql, text, n) : 1;
}

client_bool mysql_read_query_result(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	client_bool failed = call.lib ? call.lib->real.read_query_result(mysql) : 1;

	if (call.h && failed)
		call_note_failure(call.h);
	return failed;
}

static int run_ping(struct handle *h, const char *text, size_t n)
{
	return h->library->real.ping(h->mysql);
}

int mysql_ping(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	int result;

	if (call.h) {
		call.h->left |= library_reconnects(call.lib, mysql);
		connection_note_begin(call.h);
	}
	result = call.lib ? call.lib->real.ping(mysql) : 1;
	return !call.h || result == 0 ? result : call_failed(call.h, run_ping, NULL, 0, result);
}
