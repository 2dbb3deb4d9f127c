/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmariadb's asynchronous calls: an event loop is never made to wait.
 *
 * A statement whose connection was lost, or that was refused, is told, and the handle is suspect.  Its
 * next statement first moves it, within the same pair of _start and _cont: a ping with reconnection
 * on, the settings, then the statement itself; to the caller it is one call that takes longer.  Other
 * asynchronous calls pass; what they call in turn comes from the library's own code, and passes too.
 */
#include "hook.h"
#include "connection.h"
#include "prober/wait.h"

#include <string.h>

/* Calls of the library in this thread, which must not wait for a writer in them. */
static void enter(void)
{
	abi_depth++;
	wait_allow(false);
}

static void leave(void)
{
	wait_allow(true);
	abi_depth--;
}

static void option(struct abi_handle *h, abi_bool value)
{
	(void)h->client->real.options(h->mysql, h->client->opt_reconnect, &value);
}

static bool is_autocommit(const struct abi_handle *h)
{
	return (abi_handle_status(h) & ABI_STATUS_AUTOCOMMIT) != 0;
}

/* The connection was lost or the statement refused: told now, mended at the next statement. */
static void suspect(struct abi_handle *h, const struct abi_call *call, enum abi_cause cause)
{
	const struct abi_real *real = &h->client->real;
	struct abi_situation s = abi_situation_of(call, cause);
	enum abi_action action = abi_decide(&s);

	h->autocommit = is_autocommit(h);
	h->suspect = h->client->opt_reconnect != 0;
	abi_tell(&h->told, real->errnum(h->mysql),
		action == ABI_TELL_UNKNOWN ? ABI_TELL_UNKNOWN : ABI_TELL_CHANGED,
		real->error(h->mysql));
	h->session.dirty = h->session.transaction = false;
	abi_wire_hint(h);
}

/* The statement itself has come to its end. */
static void finish(struct abi_handle *h, int result)
{
	struct abi_async *a = &h->async;
	const struct abi_call call = {.handle = h, .text = a->text, .n = a->n, .once = true};
	enum abi_cause cause;

	a->phase = ABI_PHASE_NONE;
	if (result == 0) {
		if (!pel_sql_is_harmless(a->text, a->n))
			abi_note(h, a->text, a->n);
		return;
	}
	cause = abi_cause_of(h->client->real.errnum(h->mysql));
	if (cause == ABI_CAUSE_NONE || (cause == ABI_CAUSE_REFUSED && h->role != PEL_ROLE_WRITER))
		abi_note_failure(&call);
	else
		suspect(h, &call, cause);
}

/* The next statement that restores the session, or NULL. */
static const char *next_setting(struct abi_handle *h)
{
	struct abi_async *a = &h->async;

	if (!a->autocommit_done) {
		a->autocommit_done = true;
		if (is_autocommit(h) != h->autocommit)
			return h->autocommit ? "SET autocommit=1" : "SET autocommit=0";
	}
	a->setting = abi_session_next(&h->session, a->setting);
	return a->setting;
}

static int begin_next(struct abi_handle *h, int *result)
{
	struct abi_async *a = &h->async;
	const char *setting = next_setting(h);

	a->phase = setting ? ABI_PHASE_RESTORE : ABI_PHASE_QUERY;
	return h->client->real.real_query_start(result, h->mysql, setting ? setting : a->text,
		setting ? strlen(setting) : a->n);
}

/* A step has returned; begins the next ones until one has to wait.  What to wait for, or 0. */
static int advance(struct abi_handle *h, int *ret, int events, int result)
{
	struct abi_async *a = &h->async;

	while (events == 0) {
		if (a->phase == ABI_PHASE_PING)
			option(h, a->reconnect);
		if (a->phase == ABI_PHASE_QUERY || result != 0) {
			*ret = result;
			if (a->phase == ABI_PHASE_QUERY)
				finish(h, result);
			a->phase = ABI_PHASE_NONE;
			return 0;
		}
		if (a->phase == ABI_PHASE_PING) {
			h->epoch++;
			h->suspect = false;
			abi_wire_note_socket(h);
		}
		events = begin_next(h, &result);
	}
	return events;
}

static int start(struct abi_handle *h, int *ret, const char *text, size_t n)
{
	const struct abi_real *real = &h->client->real;
	int events, result = 0;

	h->told.error = 0;
	h->async = (struct abi_async){.phase = ABI_PHASE_QUERY, .text = text, .n = n};
	enter();
	if (h->suspect) {
		h->async.phase = ABI_PHASE_PING;
		(void)real->get_option(h->mysql, h->client->opt_reconnect, &h->async.reconnect);
		option(h, 1);
		abi_wire_sever(h);
		events = real->ping_start(&result, h->mysql);
	} else {
		events = real->real_query_start(&result, h->mysql, text, n);
	}
	events = advance(h, ret, events, result);
	leave();
	return events;
}

static int go_on(struct abi_handle *h, int *ret, int ready)
{
	const struct abi_real *real = &h->client->real;
	int events, result = 0;

	enter();
	events = h->async.phase == ABI_PHASE_PING ? real->ping_cont(&result, h->mysql, ready)
						  : real->real_query_cont(&result, h->mysql, ready);
	events = advance(h, ret, events, result);
	leave();
	return events;
}

int mysql_real_query_start(int *ret, void *mysql, const char *text, unsigned long n)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h)
		return start(h, ret, text, n);
	*ret = 1;
	return c && c->real.real_query_start ? c->real.real_query_start(ret, mysql, text, n) : 0;
}

int mysql_real_query_cont(int *ret, void *mysql, int events)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h && h->async.phase != ABI_PHASE_NONE)
		return go_on(h, ret, events);
	*ret = 1;
	return c && c->real.real_query_cont ? c->real.real_query_cont(ret, mysql, events) : 0;
}

int mysql_query_start(int *ret, void *mysql, const char *text)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h)
		return start(h, ret, text, strlen(text));
	*ret = 1;
	return c && c->real.query_start ? c->real.query_start(ret, mysql, text) : 0;
}

int mysql_query_cont(int *ret, void *mysql, int events)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h && h->async.phase != ABI_PHASE_NONE)
		return go_on(h, ret, events);
	*ret = 1;
	return c && c->real.query_cont ? c->real.query_cont(ret, mysql, events) : 0;
}

/*
 * The server is not asked for its role, which would take a round trip that the application's loop knows
 * nothing of.  With a prober that is not needed: the address was the map's, or the watcher ends the
 * socket once the topology is known and it was the wrong one.  Without one, a refused write is told and
 * the next statement begins by connecting anew.
 */
static void adopt(const struct abi_client *c, void *mysql)
{
	const char *host = NULL;
	struct followed *f;
	struct abi_handle *h;

	(void)c->real.get_infov(mysql, ABI_INFO_HOST, &host);
	f = host ? abi_wire_followed(host) : NULL;
	h = f ? abi_handle_new(mysql, c, f) : NULL;
	if (!h)
		return;
	abi_wire_note_socket(h);
	h->autocommit = is_autocommit(h);
	h->autocommit_known = true;
}

int mysql_real_connect_start(void **ret, void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags)
{
	const struct abi_client *c = abi_client_of(ABI_FROM);
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	int events;

	*ret = NULL;
	if (!c || !c->real.connect_start)
		return 0;
	if (h)
		abi_handle_free(h);
	enter();
	events = c->real.connect_start(ret, mysql, host, user, password, db, port, socket, flags);
	leave();
	if (events == 0 && *ret && !socket)
		adopt(c, *ret);
	return events;
}

int mysql_real_connect_cont(void **ret, void *mysql, int events)
{
	const struct abi_client *c = abi_client_of(ABI_FROM);

	*ret = NULL;
	if (!c || !c->real.connect_cont)
		return 0;
	enter();
	events = c->real.connect_cont(ret, mysql, events);
	leave();
	if (events == 0 && *ret)
		adopt(c, *ret);
	return events;
}

int mysql_close_start(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h)
		abi_handle_free(h);
	return c && c->real.close_start ? c->real.close_start(mysql) : 0;
}
