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

static int run_query(const struct abi_call *call)
{
	return call->handle->client->real.real_query(call->handle->mysql, call->text, call->n);
}

/* libmysqlclient's "up to the NUL" */
static size_t length_of(const char *text, size_t n)
{
	return n == ~(size_t)0 ? strlen(text) : n;
}

static __attribute__((noinline)) int query_failed(struct abi_handle *h, const char *text, size_t n,
	int result)
{
	const struct abi_call call = {.run = run_query,
		.handle = h,
		.text = text,
		.n = length_of(text, n)};

	return abi_recover(&call, result);
}

/* The quick look did not pass it. */
static __attribute__((noinline)) int query_done(struct abi_handle *h, const char *text, size_t n)
{
	abi_note(h, text, length_of(text, n));
	return 0;
}

static __attribute__((noinline)) int execute(struct abi_handle *h, const char *text, size_t n)
{
	int result;

	h->told.error = 0;
	abi_depth++;
	result = h->client->real.real_query(h->mysql, text, n);
	abi_depth--;
	if (__builtin_expect(result != 0, 0))
		return query_failed(h, text, n, result);
	if (__builtin_expect(!pel_sql_is_harmless(text, n), 0))
		return query_done(h, text, n);
	return 0;
}

static __attribute__((noinline)) int pass_real_query(void *mysql, const char *text, unsigned long n,
	const void *from)
{
	const struct abi_client *c = abi_client_of(from);

	return c ? c->real.real_query(mysql, text, n) : 1;
}

static __attribute__((noinline)) int find_real_query(void *mysql, const char *text, unsigned long n,
	const void *from)
{
	struct abi_handle *h = abi_guard(mysql, from);

	return h ? execute(h, text, n) : pass_real_query(mysql, text, n, from);
}

int mysql_real_query(void *mysql, const char *text, unsigned long n)
{
	bool behind;
	struct abi_handle *h = abi_guard_first(mysql, ABI_FROM, &behind);

	if (h)
		return execute(h, text, n);
	if (behind)
		return find_real_query(mysql, text, n, ABI_FROM);
	return pass_real_query(mysql, text, n, ABI_FROM);
}

int mysql_query(void *mysql, const char *text)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c;

	if (h)
		return execute(h, text, strlen(text));
	c = abi_client_of(ABI_FROM);
	return c ? c->real.query(mysql, text) : 1;
}

static int run_send(const struct abi_call *call)
{
	return call->handle->client->real.send_query(call->handle->mysql, call->text, call->n);
}

int mysql_send_query(void *mysql, const char *text, unsigned long n)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_send, .handle = h, .text = text, .n = n};
	const struct abi_client *c;
	int result;

	if (h) {
		result = abi_run(&call);
		if (result == 0)
			abi_handle_keep_sent(h, text, n);
		return result;
	}
	c = abi_client_of(ABI_FROM);
	return c ? c->real.send_query(mysql, text, n) : 1;
}

/* The statement once more, from its copy, up to where its first run failed. */
static int run_sent(const struct abi_call *call)
{
	const struct abi_real *real = &call->handle->client->real;

	if (real->send_query(call->handle->mysql, call->text, call->n) != 0)
		return 1;
	return real->read_query_result(call->handle->mysql);
}

static abi_bool read_result(struct abi_handle *h)
{
	const struct abi_sent *sent = &h->sent;
	const struct abi_call call = {.run = run_sent,
		.handle = h,
		.text = sent->held ? sent->text : "",
		.n = sent->held ? sent->n : 0,
		.once = !sent->held};
	abi_bool failed;

	h->told.error = 0;
	abi_depth++;
	failed = h->client->real.read_query_result(h->mysql);
	abi_depth--;
	if (failed)
		failed = abi_recover(&call, 1) != 0;
	else if (!pel_sql_is_harmless(call.text, call.n))
		abi_note(h, call.text, call.n);
	h->sent.held = false;
	return failed;
}

abi_bool mysql_read_query_result(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c;

	if (h)
		return read_result(h);
	c = abi_client_of(ABI_FROM);
	return c ? c->real.read_query_result(mysql) : 1;
}

/* A result that broke off; the statement itself was executed. */
static __attribute__((noinline)) int broken_result(struct abi_handle *h,
	int (*run)(const struct abi_call *), int result)
{
	const struct abi_call call = {.run = run, .handle = h, .class = PEL_SQL_READ, .once = true};

	return abi_recover(&call, result);
}

static int run_nothing(const struct abi_call *call)
{
	return -1;
}

static __attribute__((noinline)) void *no_result(struct abi_handle *h)
{
	(void)broken_result(h, run_nothing, -1);
	return NULL;
}

static __attribute__((noinline)) void *store(struct abi_handle *h)
{
	void *result;

	abi_depth++;
	result = h->client->real.store_result(h->mysql);
	abi_depth--;
	if (!result && h->client->real.errnum(h->mysql) != 0)
		return no_result(h);
	return result;
}

static __attribute__((noinline)) void *pass_store_result(void *mysql, const void *from)
{
	const struct abi_client *c = abi_client_of(from);

	return c ? c->real.store_result(mysql) : NULL;
}

static __attribute__((noinline)) void *find_store_result(void *mysql, const void *from)
{
	struct abi_handle *h = abi_guard(mysql, from);

	return h ? store(h) : pass_store_result(mysql, from);
}

void *mysql_store_result(void *mysql)
{
	bool behind;
	struct abi_handle *h = abi_guard_first(mysql, ABI_FROM, &behind);

	if (h)
		return store(h);
	return behind ? find_store_result(mysql, ABI_FROM) : pass_store_result(mysql, ABI_FROM);
}

int mysql_next_result(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c;
	int result;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.next_result(mysql) : 1;
	}
	abi_depth++;
	result = h->client->real.next_result(mysql);
	abi_depth--;
	return result > 0 ? broken_result(h, run_nothing, result) : result;
}
