/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements as text, and their results.
 *
 * The hooks in every statement's way look at the handle's first place in the table, and then jump: to
 * the real function, to what is done on a followed connection, or to where the search goes on.  So they
 * save no registers, and a connection that is not followed pays for the look alone.
 */
#include "hook.h"

#include <string.h>

static int run_query(const struct call *call)
{
	return call->real->real_query(call->object, call->text, call->n);
}

/* libmysqlclient's "up to the NUL" */
static size_t length_of(const char *text, size_t n)
{
	return n == ~(size_t)0 ? strlen(text) : n;
}

static __attribute__((noinline)) int query_failed(struct handle *h, const char *text, size_t n,
	int result)
{
	const struct call call = {.run = run_query,
		.real = &h->library->real,
		.object = h->mysql,
		.handle = h,
		.text = text,
		.n = length_of(text, n)};

	return call_recover(&call, result);
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

	h->shown.error = 0;
	client_depth++;
	result = h->library->real.real_query(h->mysql, text, n);
	client_depth--;
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

int mysql_query(void *mysql, const char *text)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib;

	if (h)
		return execute(h, text, strlen(text));
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.query(mysql, text) : 1;
}

static int run_send(const struct call *call)
{
	return call->real->send_query(call->object, call->text, call->n);
}

int mysql_send_query(void *mysql, const char *text, unsigned long n)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	struct call call = {.run = run_send, .object = mysql, .handle = h, .text = text, .n = n};
	int result = call_from(&call, HOOK_CALLER);

	if (h && result == 0)
		handle_keep_sent(h, text, n);
	return result;
}

/* The statement once more, from its copy, up to where its first run failed. */
static int run_sent(const struct call *call)
{
	if (call->real->send_query(call->object, call->text, call->n) != 0)
		return 1;
	return call->real->read_query_result(call->object);
}

static client_bool read_result(struct handle *h)
{
	const struct sent_statement *sent = &h->sent;
	const struct call call = {.run = run_sent,
		.real = &h->library->real,
		.object = h->mysql,
		.handle = h,
		.text = sent->held ? sent->text : "",
		.n = sent->held ? sent->n : 0,
		.once = !sent->held};
	client_bool failed;

	h->shown.error = 0;
	client_depth++;
	failed = h->library->real.read_query_result(h->mysql);
	client_depth--;
	if (failed)
		failed = call_recover(&call, 1) != 0;
	else if (!pel_sql_is_harmless(call.text, call.n))
		call_note(h, call.text, call.n);
	h->sent.held = false;
	return failed;
}

client_bool mysql_read_query_result(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib;

	if (h)
		return read_result(h);
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.read_query_result(mysql) : 1;
}

static int run_nothing(const struct call *call)
{
	return -1;
}

/* A result that broke off; the statement itself was executed. */
static __attribute__((noinline)) int broken_result(struct handle *h, int result)
{
	const struct call call = {.run = run_nothing,
		.handle = h,
		.class = PEL_SQL_READ,
		.once = true};

	return call_recover(&call, result);
}

static __attribute__((noinline)) void *no_result(struct handle *h)
{
	(void)broken_result(h, -1);
	return NULL;
}

static __attribute__((noinline)) void *store(struct handle *h)
{
	void *result;

	client_depth++;
	result = h->library->real.store_result(h->mysql);
	client_depth--;
	if (!result && h->library->real.errnum(h->mysql) != 0)
		return no_result(h);
	return result;
}

static __attribute__((noinline)) void *pass_store_result(void *mysql, const void *from)
{
	const struct library *lib = library_of(from);

	return lib ? lib->real.store_result(mysql) : NULL;
}

static __attribute__((noinline)) void *find_store_result(void *mysql, const void *from)
{
	struct handle *h = hook_guard(mysql, from);

	return h ? store(h) : pass_store_result(mysql, from);
}

void *mysql_store_result(void *mysql)
{
	bool behind;
	struct handle *h = hook_guard_first(mysql, HOOK_CALLER, &behind);

	if (h)
		return store(h);
	return behind ? find_store_result(mysql, HOOK_CALLER)
		      : pass_store_result(mysql, HOOK_CALLER);
}

int mysql_next_result(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib;
	int result;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.next_result(mysql) : 1;
	}
	client_depth++;
	result = h->library->real.next_result(mysql);
	client_depth--;
	return result > 0 ? broken_result(h, result) : result;
}
