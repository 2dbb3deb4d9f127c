/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change the session or ask for its health, without being statements. */
#include "hook.h"

static int run_commit(const struct call *call)
{
	return call->handle->library->real.commit(call->handle->mysql);
}

client_bool mysql_commit(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_commit, .handle = h, .class = PEL_SQL_END};
	const struct library *lib;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.commit(mysql) : 1;
	}
	if (call_run(&call) != 0)
		return 1;
	h->session.transaction = false;
	return 0;
}

static int run_rollback(const struct call *call)
{
	return call->handle->library->real.rollback(call->handle->mysql);
}

client_bool mysql_rollback(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_rollback, .handle = h, .class = PEL_SQL_END};
	const struct library *lib;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.rollback(mysql) : 1;
	}
	if (call_run(&call) != 0)
		return 1;
	h->session.transaction = false;
	return 0;
}

static int run_autocommit(const struct call *call)
{
	return call->handle->library->real.autocommit(call->handle->mysql,
		(client_bool)call->number);
}

client_bool mysql_autocommit(void *mysql, client_bool on)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_autocommit,
		.handle = h,
		.class = PEL_SQL_SET,
		.number = on};
	const struct library *lib;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.autocommit(mysql, on) : 1;
	}
	if (call_run(&call) != 0)
		return 1;
	h->session.autocommit_set = true;
	h->session.autocommit = on != 0;
	h->session.transaction &= on == 0;
	return 0;
}

static int run_select(const struct call *call)
{
	return call->handle->library->real.select_db(call->handle->mysql, call->argument);
}

int mysql_select_db(void *mysql, const char *db)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_select,
		.handle = h,
		.class = PEL_SQL_USE,
		.argument = db};
	const struct library *lib;
	int result;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.select_db(mysql, db) : 1;
	}
	result = call_run(&call);
	if (result == 0)
		session_forget_database(&h->session);
	return result;
}

static int run_charset(const struct call *call)
{
	return call->handle->library->real.set_character_set(call->handle->mysql, call->argument);
}

int mysql_set_character_set(void *mysql, const char *name)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_charset,
		.handle = h,
		.class = PEL_SQL_SET,
		.argument = name};
	const struct library *lib;
	int result;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.set_character_set(mysql, name) : 1;
	}
	result = call_run(&call);
	if (result == 0)
		session_forget_charset(&h->session);
	return result;
}

/* The session begins anew, with the server's autocommit. */
static void begin_anew(struct handle *h)
{
	unsigned status = handle_status(h);

	session_init(&h->session);
	h->epoch++;
	h->autocommit_known = status != CLIENT_STATUS_UNKNOWN;
	h->autocommit = h->autocommit_known && (status & CLIENT_STATUS_AUTOCOMMIT);
}

struct user {
	const char *name, *password, *db;
};

static int run_user(const struct call *call)
{
	const struct user *u = call->argument;

	return call->handle->library->real.change_user(call->handle->mysql, u->name, u->password,
		u->db);
}

client_bool mysql_change_user(void *mysql, const char *user, const char *password, const char *db)
{
	const struct user u = {user, password, db};
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_user,
		.handle = h,
		.class = PEL_SQL_READ,
		.resets = true,
		.argument = &u};
	const struct library *lib;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib ? lib->real.change_user(mysql, user, password, db) : 1;
	}
	if (call_run(&call) != 0)
		return 1;
	begin_anew(h);
	return 0;
}

static int run_reset(const struct call *call)
{
	return call->handle->library->real.reset_connection(call->handle->mysql);
}

int mysql_reset_connection(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_reset,
		.handle = h,
		.class = PEL_SQL_READ,
		.resets = true};
	const struct library *lib;
	int result;

	if (!h) {
		lib = library_of(HOOK_CALLER);
		return lib && lib->real.reset_connection ? lib->real.reset_connection(mysql) : 1;
	}
	if (!h->library->real.reset_connection)
		return 1;
	result = call_run(&call);
	if (result == 0)
		begin_anew(h);
	return result;
}

static int run_ping(const struct call *call)
{
	return call->handle->library->real.ping(call->handle->mysql);
}

int mysql_ping(void *mysql)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	const struct call call = {.run = run_ping, .handle = h, .class = PEL_SQL_READ};
	const struct library *lib;

	if (h)
		return call_run(&call);
	lib = library_of(HOOK_CALLER);
	return lib ? lib->real.ping(mysql) : 1;
}
