/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change the session or ask for its health, without being statements. */
#include "hook.h"

static int run_commit(const struct call *call)
{
	return call->real->commit(call->object);
}

static int run_rollback(const struct call *call)
{
	return call->real->rollback(call->object);
}

static client_bool end_transaction(void *mysql, const void *from,
	int (*run)(const struct call *call))
{
	struct call call = {.run = run,
		.object = mysql,
		.handle = hook_guard(mysql, from),
		.class = PEL_SQL_END};
	int failed = call_from(&call, from);

	if (call.handle && !failed)
		call.handle->session.transaction = false;
	return failed != 0;
}

client_bool mysql_commit(void *mysql)
{
	return end_transaction(mysql, HOOK_CALLER, run_commit);
}

client_bool mysql_rollback(void *mysql)
{
	return end_transaction(mysql, HOOK_CALLER, run_rollback);
}

static int run_autocommit(const struct call *call)
{
	return call->real->autocommit(call->object, (client_bool)call->number);
}

client_bool mysql_autocommit(void *mysql, client_bool on)
{
	struct handle *h = hook_guard(mysql, HOOK_CALLER);
	struct call call = {.run = run_autocommit,
		.object = mysql,
		.handle = h,
		.class = PEL_SQL_SET,
		.number = on};

	if (call_from(&call, HOOK_CALLER) != 0)
		return 1;
	if (h) {
		h->session.autocommit_set = true;
		h->session.autocommit = on != 0;
		h->session.transaction &= on == 0;
	}
	return 0;
}

static int run_select(const struct call *call)
{
	return call->real->select_db(call->object, call->argument);
}

/* A call that sets what the session then no longer needs to remember. */
static int set(struct call *call, void *mysql, const void *from,
	void (*forget)(struct session *session))
{
	struct handle *h = call->handle = hook_guard(mysql, from);
	int result;

	call->object = mysql;
	result = call_from(call, from);
	if (h && result == 0)
		forget(&h->session);
	return result;
}

int mysql_select_db(void *mysql, const char *db)
{
	struct call call = {.run = run_select, .class = PEL_SQL_USE, .argument = db};

	return set(&call, mysql, HOOK_CALLER, session_forget_database);
}

static int run_charset(const struct call *call)
{
	return call->real->set_character_set(call->object, call->argument);
}

int mysql_set_character_set(void *mysql, const char *name)
{
	struct call call = {.run = run_charset, .class = PEL_SQL_SET, .argument = name};

	return set(&call, mysql, HOOK_CALLER, session_forget_charset);
}

/* The call throws the session away; then it begins anew, with the server's autocommit. */
static int begin_anew(struct call *call, void *mysql, const void *from)
{
	struct handle *h = call->handle = hook_guard(mysql, from);
	unsigned status;
	int result;

	call->object = mysql;
	call->class = PEL_SQL_READ;
	call->resets = true;
	result = call_from(call, from);
	if (!h || result != 0)
		return result;
	status = handle_status(h);
	session_init(&h->session);
	h->epoch++;
	h->autocommit_known = status != CLIENT_STATUS_UNKNOWN;
	h->autocommit = h->autocommit_known && (status & CLIENT_STATUS_AUTOCOMMIT);
	return 0;
}

struct user {
	const char *name, *password, *db;
};

static int run_user(const struct call *call)
{
	const struct user *u = call->argument;

	return call->real->change_user(call->object, u->name, u->password, u->db);
}

client_bool mysql_change_user(void *mysql, const char *user, const char *password, const char *db)
{
	const struct user u = {user, password, db};
	struct call call = {.run = run_user, .argument = &u};

	return begin_anew(&call, mysql, HOOK_CALLER) != 0;
}

static int run_reset(const struct call *call)
{
	return call->real->reset_connection ? call->real->reset_connection(call->object) : 1;
}

int mysql_reset_connection(void *mysql)
{
	struct call call = {.run = run_reset};

	return begin_anew(&call, mysql, HOOK_CALLER);
}

static int run_ping(const struct call *call)
{
	return call->real->ping(call->object);
}

int mysql_ping(void *mysql)
{
	struct call call = {.run = run_ping,
		.object = mysql,
		.handle = hook_guard(mysql, HOOK_CALLER),
		.class = PEL_SQL_READ};

	return call_from(&call, HOOK_CALLER);
}
