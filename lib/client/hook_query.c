/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements as text.  Results are not looked at: a connection that is lost in one is found lost by
 * the next statement.
 *
 * The hook in every statement's way looks at the handle's first place in the table, and then jumps:
 * to the real function, to what is done on a followed connection, or to where the search goes on.
 * So it saves no registers, and a connection that is not followed pays for the look alone.
 */
#include "connection.h"
#include "hook.h"

#include <string.h>

static int run_query(struct handle *h, const char *text, size_t n)
{
	return h->library->real.real_query(h->mysql, text, n);
}

/* libmysqlclient's "up to the NUL" */
static size_t length_of(const char *text, size_t n)
{
	return n == ~(size_t)0 ? strlen(text) : n;
}

static __attribute__((noinline)) int query_failed(struct handle *h, const char *text, size_t n,
	int result)
{
	return call_failed(h, run_query, text, length_of(text, n), result);
}

/* The quick look did not pass it. */
static __attribute__((noinline)) int query_done(struct handle *h, const char *text, size_t n)
{
	call_note(h, text, length_of(text, n));
	return 0;
}

static __attribute__((noinline)) int execute(struct handle *h, const char *text, size_t n)
{
	int result;

	connection_note_begin(h);
	result = h->library->real.real_query(h->mysql, text, n);
	if (__builtin_expect(result != 0, 0))
		return query_failed(h, text, n, result);
	if (__builtin_expect(!pel_sql_is_harmless(text, n), 0))
		return query_done(h, text, n);
	return 0;
}

static __attribute__((noinline)) int pass_real_query(void *mysql, const char *text, unsigned long n,
	const void *from)
{
	const struct library *lib = library_of(from);

	return lib ? lib->real.real_query(mysql, text, n) : 1;
}

static __attribute__((noinline)) int find_real_query(void *mysql, const char *text, unsigned long n,
	const void *from)
{
	struct handle *h = hook_guard(mysql, from);

	return h ? execute(h, text, n) : pass_real_query(mysql, text, n, from);
}

int mysql_real_query(void *mysql, const char *text, unsigned long n)
{
	bool behind;
	struct handle *h = hook_guard_first(mysql, HOOK_CALLER, &behind);

	if (h)
		return execute(h, text, n);
	if (behind)
		return find_real_query(mysql, text, n, HOOK_CALLER);
	return pass_real_query(mysql, text, n, HOOK_CALLER);
}

/* The library's own jumps to mysql_real_query(), which would come to us as a call from our own code. */
int mysql_query(void *mysql, const char *text)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);

	return h ? execute(h, text, strlen(text))
		 : pass_real_query(mysql, text, strlen(text), HOOK_CALLER);
}

static int run_send(struct handle *h, const char *text, size_t n)
{
	return h->library->real.send_query(h->mysql, text, n);
}

/* What it leaves in the session is noted now: how it went is not known before its result. */
int mysql_send_query(void *mysql, const char *text, unsigned long n)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);
	int result;

	if (!h)
		return lib ? lib->real.send_query(mysql, text, n) : 1;
	connection_note_begin(h);
	result = run_send(h, text, n);
	if (result != 0)
		return call_failed(h, run_send, text, n, result);
	if (!pel_sql_is_harmless(text, n))
		call_note(h, text, n);
	return 0;
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
