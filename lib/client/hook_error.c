/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: ours, where one is to be told, and the library's own. */
#include "hook.h"

static const struct abi_told *told_of(const void *mysql)
{
	const struct abi_handle *h = abi_handle_of(mysql);

	return h && h->told.error ? &h->told : NULL;
}

static const struct abi_told *told_of_stmt(const void *stmt)
{
	const struct abi_stmt *s = abi_stmt_of(stmt);

	return s && s->told.error ? &s->told : NULL;
}

unsigned mysql_errno(void *mysql)
{
	const struct abi_told *told = told_of(mysql);
	const struct abi_client *c;

	if (told)
		return told->error;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.errnum(mysql) : 0;
}

const char *mysql_error(void *mysql)
{
	const struct abi_told *told = told_of(mysql);
	const struct abi_client *c;

	if (told)
		return told->message;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.error(mysql) : "";
}

const char *mysql_sqlstate(void *mysql)
{
	const struct abi_told *told = told_of(mysql);
	const struct abi_client *c;

	if (told)
		return told->sqlstate;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.sqlstate(mysql) : "HY000";
}

unsigned mysql_stmt_errno(void *stmt)
{
	const struct abi_told *told = told_of_stmt(stmt);
	const struct abi_client *c;

	if (told)
		return told->error;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.stmt_errno(stmt) : 0;
}

const char *mysql_stmt_error(void *stmt)
{
	const struct abi_told *told = told_of_stmt(stmt);
	const struct abi_client *c;

	if (told)
		return told->message;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.stmt_error(stmt) : "";
}

const char *mysql_stmt_sqlstate(void *stmt)
{
	const struct abi_told *told = told_of_stmt(stmt);
	const struct abi_client *c;

	if (told)
		return told->sqlstate;
	c = abi_client_of(ABI_FROM);
	return c ? c->real.stmt_sqlstate(stmt) : "HY000";
}
