/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmariadb's asynchronous calls: an event loop is never made to wait.
 *
 * A statement whose connection was lost, or that was refused, shows its error, and the handle is suspect.  Its
 * next statement first moves it, within the same pair of _start and _cont: a ping with reconnection
 * on, the settings, then the statement itself; to the caller it is one call that takes longer.  Other
 * asynchronous calls pass; what they call in turn comes from the library's own code, and passes too.
 */
#include "connection.h"
#include "hook.h"
#include "known/wish.h"
#include "prober/follow.h"
#include "prober/wait.h"

#include <string.h>

/* Calls of the library in this thread, which must not wait for a writer in them. */
static void enter(void)
{
	client_depth++;
	(void)wish_begin(NULL, PEL_ROLE_UNKNOWN, true);
	wait_allow(false);
}

static void leave(void)
{
	wait_allow(true);
	(void)wish_end(wish_find());
	client_depth--;
}

static void option(struct handle *h, client_bool value)
{
	(void)h->library->real.options(h->mysql, h->library->opt_reconnect, &value);
}

static bool is_autocommit(const struct handle *h)
{
	return (handle_status(h) & CLIENT_STATUS_AUTOCOMMIT) != 0;
}

/* The connection was lost or the statement refused: shown now, mended at the next statement. */
static void suspect(struct handle *h, const struct call *call, enum retry_cause cause)
{
	const struct client_functions *real = &h->library->real;
	struct retry_situation s = call_situation(call, cause);
	enum retry_action action = retry_decide(&s);

	h->autocommit = is_autocommit(h);
	h->suspect = h->library->opt_reconnect != 0;
	shown_set(&h->shown, real->errnum(h->mysql),
		action == RETRY_SHOW_UNKNOWN ? RETRY_SHOW_UNKNOWN : RETRY_SHOW_CHANGED,
		real->error(h->mysql));
	h->session.dirty = h->session.transaction = false;
	follow_hint(h->followed, false);
}

/* The statement itself has come to its end. */
static void finish(struct handle *h, int result)
{
	struct async *a = &h->async;
	const struct call call = {.handle = h, .text = a->text, .n = a->n, .once = true};
	enum retry_cause cause;

	a->phase = ASYNC_NONE;
	if (result == 0) {
		if (!pel_sql_is_harmless(a->text, a->n))
			call_note(h, a->text, a->n);
		return;
	}
	cause = retry_cause_of(h->library->real.errnum(h->mysql));
	if (cause == CAUSE_NONE || (cause == CAUSE_REFUSED && h->role != PEL_ROLE_WRITER))
		call_note_failure(&call);
	else
		suspect(h, &call, cause);
}

/* The next statement that restores the session, or NULL. */
static const char *next_setting(struct handle *h)
{
	struct async *a = &h->async;

	if (!a->autocommit_done) {
		a->autocommit_done = true;
		if (is_autocommit(h) != h->autocommit)
			return h->autocommit ? "SET autocommit=1" : "SET autocommit=0";
	}
	a->setting = session_next(&h->session, a->setting);
	return a->setting;
}

static int begin_next(struct handle *h, int *result)
{
	struct async *a = &h->async;
	const char *setting = next_setting(h);

	a->phase = setting ? ASYNC_RESTORE : ASYNC_QUERY;
	return h->library->real.real_query_start(result, h->mysql, setting ? setting : a->text,
		setting ? strlen(setting) : a->n);
}

/* A step has returned; begins the next ones until one has to wait.  What to wait for, or 0. */
static int advance(struct handle *h, int *ret, int events, int result)
{
	struct async *a = &h->async;

	while (events == 0) {
		if (a->phase == ASYNC_PING)
			option(h, a->reconnect);
		if (a->phase == ASYNC_QUERY || result != 0) {
			*ret = result;
			if (a->phase == ASYNC_QUERY)
				finish(h, result);
			a->phase = ASYNC_NONE;
			return 0;
		}
		if (a->phase == ASYNC_PING) {
			h->epoch++;
			h->suspect = false;
			connection_note_socket(h);
		}
		events = begin_next(h, &result);
	}
	return events;
}

static int start(struct handle *h, int *ret, const char *text, size_t n)
{
	const struct client_functions *real = &h->library->real;
	int events, result = 0;

	h->shown.error = 0;
	h->async = (struct async){.phase = ASYNC_QUERY, .text = text, .n = n};
	enter();
	if (h->suspect) {
		h->async.phase = ASYNC_PING;
		(void)real->get_option(h->mysql, h->library->opt_reconnect, &h->async.reconnect);
		option(h, 1);
		connection_sever(h);
		events = real->ping_start(&result, h->mysql);
	} else {
		events = real->real_query_start(&result, h->mysql, text, n);
	}
	events = advance(h, ret, events, result);
	leave();
	return events;
}

static int go_on(struct handle *h, int *ret, int ready)
{
	const struct client_functions *real = &h->library->real;
	int events, result = 0;

	enter();
	events = h->async.phase == ASYNC_PING ? real->ping_cont(&result, h->mysql, ready)
					      : real->real_query_cont(&result, h->mysql, ready);
	events = advance(h, ret, events, result);
	leave();
	return events;
}

int mysql_real_query_start(int *ret, void *mysql, const char *text, unsigned long n)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h)
		return start(h, ret, text, n);
	*ret = 1;
	return lib && lib->real.real_query_start ? lib->real.real_query_start(ret, mysql, text, n)
						 : 0;
}

int mysql_real_query_cont(int *ret, void *mysql, int events)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h && h->async.phase != ASYNC_NONE)
		return go_on(h, ret, events);
	*ret = 1;
	return lib && lib->real.real_query_cont ? lib->real.real_query_cont(ret, mysql, events) : 0;
}

int mysql_query_start(int *ret, void *mysql, const char *text)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h)
		return start(h, ret, text, strlen(text));
	*ret = 1;
	return lib && lib->real.query_start ? lib->real.query_start(ret, mysql, text) : 0;
}

int mysql_query_cont(int *ret, void *mysql, int events)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h && h->async.phase != ASYNC_NONE)
		return go_on(h, ret, events);
	*ret = 1;
	return lib && lib->real.query_cont ? lib->real.query_cont(ret, mysql, events) : 0;
}

/*
 * The server is not asked for its role, which would take a round trip that the application's loop knows
 * nothing of.  With a prober that is not needed: the address was the map's, or the watcher ends the
 * socket once the topology is known and it was the wrong one.  Without one, a refused write is shown and
 * the next statement begins by connecting anew.
 */
static void adopt(const struct library *lib, void *mysql)
{
	struct handle *h = connection_adopt(lib, mysql, NULL);

	if (!h)
		return;
	h->autocommit = is_autocommit(h);
	h->autocommit_known = true;
}

int mysql_real_connect_start(void **ret, void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags)
{
	const struct library *lib = library_of(HOOK_CALLER);
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	int events;

	*ret = NULL;
	if (!lib || !lib->real.connect_start)
		return 0;
	if (h)
		handle_free(h);
	enter();
	events = lib->real.connect_start(ret, mysql, host, user, password, db, port, socket, flags);
	leave();
	if (events == 0 && *ret && !socket)
		adopt(lib, *ret);
	return events;
}

int mysql_real_connect_cont(void **ret, void *mysql, int events)
{
	const struct library *lib = library_of(HOOK_CALLER);

	*ret = NULL;
	if (!lib || !lib->real.connect_cont)
		return 0;
	enter();
	events = lib->real.connect_cont(ret, mysql, events);
	leave();
	if (events == 0 && *ret)
		adopt(lib, *ret);
	return events;
}

int mysql_close_start(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h)
		handle_free(h);
	return lib && lib->real.close_start ? lib->real.close_start(mysql) : 0;
}
