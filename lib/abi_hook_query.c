/* SPDX-License-Identifier: Apache-2.0 */
/* Statements as text, and their results. */
#include "abi_hook.h"

#include <string.h>

static int run_query(const struct abi_call *call)
{
	return call->handle->client->real.real_query(call->handle->mysql, call->text, call->n);
}

static int query_failed(struct abi_handle *h, const char *text, size_t n, int result)
{
	const struct abi_call call = {.run = run_query, .handle = h, .text = text, .n = n};

	return abi_recover(&call, result);
}

/* In every statement's way: what is rare is elsewhere. */
static inline int execute(struct abi_handle *h, const char *text, size_t n)
{
	int result;

	h->told.error = 0;
	abi_depth++;
	result = h->client->real.real_query(h->mysql, text, n);
	abi_depth--;
	if (__builtin_expect(result != 0, 0))
		return query_failed(h, text, n, result);
	if (!pel_sql_is_harmless(text, n))
		abi_note(h, text, n);
	return 0;
}

int mysql_real_query(void *mysql, const char *text, unsigned long n)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c;

	if (h)
		return execute(h, text, n == ~0ul ? strlen(text) : n);
	c = abi_client_of(ABI_FROM);
	return c ? c->real.real_query(mysql, text, n) : 1;
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
	const struct abi_call call = {.run = run_sent, .handle = h,
		.text = sent->held ? sent->text : "", .n = sent->held ? sent->n : 0,
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
static int broken_result(struct abi_handle *h, int (*run)(const struct abi_call *), int result)
{
	const struct abi_call call = {
		.run = run, .handle = h, .class = PEL_SQL_READ, .once = true};

	return abi_recover(&call, result);
}

static int run_nothing(const struct abi_call *call)
{
	return -1;
}

void *mysql_store_result(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c;
	void *result;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.store_result(mysql) : NULL;
	}
	abi_depth++;
	result = h->client->real.store_result(mysql);
	abi_depth--;
	if (!result && h->client->real.errnum(mysql) != 0)
		(void)broken_result(h, run_nothing, -1);
	return result;
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
