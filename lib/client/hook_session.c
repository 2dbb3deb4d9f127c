/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change the session or ask for its health, without being statements. */
#include "hook.h"

static int run_commit(const struct abi_call *call)
{
	return call->handle->client->real.commit(call->handle->mysql);
}

abi_bool mysql_commit(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_commit, .handle = h, .class = PEL_SQL_END};
	const struct abi_client *c;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.commit(mysql) : 1;
	}
	if (abi_run(&call) != 0)
		return 1;
	h->session.transaction = false;
	return 0;
}

static int run_rollback(const struct abi_call *call)
{
	return call->handle->client->real.rollback(call->handle->mysql);
}

abi_bool mysql_rollback(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_rollback, .handle = h, .class = PEL_SQL_END};
	const struct abi_client *c;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.rollback(mysql) : 1;
	}
	if (abi_run(&call) != 0)
		return 1;
	h->session.transaction = false;
	return 0;
}

static int run_autocommit(const struct abi_call *call)
{
	return call->handle->client->real.autocommit(call->handle->mysql, (abi_bool)call->number);
}

abi_bool mysql_autocommit(void *mysql, abi_bool on)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_autocommit,
		.handle = h,
		.class = PEL_SQL_SET,
		.number = on};
	const struct abi_client *c;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.autocommit(mysql, on) : 1;
	}
	if (abi_run(&call) != 0)
		return 1;
	h->session.autocommit_set = true;
	h->session.autocommit = on != 0;
	h->session.transaction &= on == 0;
	return 0;
}

static int run_select(const struct abi_call *call)
{
	return call->handle->client->real.select_db(call->handle->mysql, call->argument);
}

int mysql_select_db(void *mysql, const char *db)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_select,
		.handle = h,
		.class = PEL_SQL_USE,
		.argument = db};
	const struct abi_client *c;
	int result;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.select_db(mysql, db) : 1;
	}
	result = abi_run(&call);
	if (result == 0)
		abi_session_forget_database(&h->session);
	return result;
}

static int run_charset(const struct abi_call *call)
{
	return call->handle->client->real.set_character_set(call->handle->mysql, call->argument);
}

int mysql_set_character_set(void *mysql, const char *name)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_charset,
		.handle = h,
		.class = PEL_SQL_SET,
		.argument = name};
	const struct abi_client *c;
	int result;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.set_character_set(mysql, name) : 1;
	}
	result = abi_run(&call);
	if (result == 0)
		abi_session_forget_charset(&h->session);
	return result;
}

/* The session begins anew, with the server's autocommit. */
static void begin_anew(struct abi_handle *h)
{
	unsigned status = abi_handle_status(h);

	abi_session_init(&h->session);
	h->epoch++;
	h->autocommit_known = status != ABI_STATUS_UNKNOWN;
	h->autocommit = h->autocommit_known && (status & ABI_STATUS_AUTOCOMMIT);
}

struct user {
	const char *name, *password, *db;
};

static int run_user(const struct abi_call *call)
{
	const struct user *u = call->argument;

	return call->handle->client->real.change_user(call->handle->mysql, u->name, u->password,
		u->db);
}

abi_bool mysql_change_user(void *mysql, const char *user, const char *password, const char *db)
{
	const struct user u = {user, password, db};
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_user,
		.handle = h,
		.class = PEL_SQL_READ,
		.resets = true,
		.argument = &u};
	const struct abi_client *c;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c ? c->real.change_user(mysql, user, password, db) : 1;
	}
	if (abi_run(&call) != 0)
		return 1;
	begin_anew(h);
	return 0;
}

static int run_reset(const struct abi_call *call)
{
	return call->handle->client->real.reset_connection(call->handle->mysql);
}

int mysql_reset_connection(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_reset,
		.handle = h,
		.class = PEL_SQL_READ,
		.resets = true};
	const struct abi_client *c;
	int result;

	if (!h) {
		c = abi_client_of(ABI_FROM);
		return c && c->real.reset_connection ? c->real.reset_connection(mysql) : 1;
	}
	if (!h->client->real.reset_connection)
		return 1;
	result = abi_run(&call);
	if (result == 0)
		begin_anew(h);
	return result;
}

static int run_ping(const struct abi_call *call)
{
	return call->handle->client->real.ping(call->handle->mysql);
}

int mysql_ping(void *mysql)
{
	struct abi_handle *h = abi_guard(mysql, ABI_FROM);
	const struct abi_call call = {.run = run_ping, .handle = h, .class = PEL_SQL_READ};
	const struct abi_client *c;

	if (h)
		return abi_run(&call);
	c = abi_client_of(ABI_FROM);
	return c ? c->real.ping(mysql) : 1;
}
