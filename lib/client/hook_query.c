/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements as text.  Results are not looked at: a connection that is lost in one is found lost by
 * the next statement.
 */
#include "connection.h"
#include "hook.h"

#include <string.h>

static int run_query(const struct library *lib, void *mysql, const char *text, size_t n)
{
	return lib->real.real_query(mysql, text, n);
}

static int run_send(const struct library *lib, void *mysql, const char *text, size_t n)
{
	return lib->real.send_query(mysql, text, n);
}

/* What a statement that is only sent leaves in the session is noted now: its result comes later. */
static int execute(call_run *run, void *mysql, const char *text, size_t n, const void *from)
{
	const struct hook call = hook_begin(mysql, from);
	int result;

	if (!call.h)
		return call.lib ? run(call.lib, mysql, text, n) : 1;
	n = hook_length(text, n);
	call_begin(call.h, text, n);
	result = run(call.lib, mysql, text, n);
	if (result != 0)
		return call_failed(call.h, run, text, n, result);
	if (!pel_sql_is_harmless(text, n))
		call_note(call.h, text, n);
	return 0;
}

int mysql_real_query(void *mysql, const char *text, unsigned long n)
{
	return execute(run_query, mysql, text, n, HOOK_CALLER);
}

/* The library's own jumps to mysql_real_query(), which would come to us as a call from our own code. */
int mysql_query(void *mysql, const char *text)
{
	return execute(run_query, mysql, text, strlen(text), HOOK_CALLER);
}

int mysql_send_query(void *mysql, const char *text, unsigned long n)
{
	return execute(run_send, mysql, text, n, HOOK_CALLER);
}

client_bool mysql_read_query_result(void *mysql)
{
	const struct hook call = hook_begin(mysql, HOOK_CALLER);
	client_bool failed = call.lib ? call.lib->real.read_query_result(mysql) : 1;

	if (call.h && failed)
		call_note_failure(call.h);
	return failed;
}

static int run_ping(const struct library *lib, void *mysql, const char *text, size_t n)
{
	return lib->real.ping(mysql);
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
