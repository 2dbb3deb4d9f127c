/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change the session without being statements: what they leave in it is noted. */
#include "hook.h"

/* The connection, NULL if it is not followed, and the library to call, NULL if there is none. */
static struct handle *find(void *mysql, const void *from, const struct library **ret)
{
	struct handle *h = hook_guard(mysql, from);

	*ret = h ? h->library : library_of(from);
	return h;
}

static client_bool end_transaction(struct handle *h, client_bool failed)
{
	if (h && !failed)
		h->session.transaction = false;
	return failed;
}

client_bool mysql_commit(void *mysql)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);

	return lib ? end_transaction(h, lib->real.commit(mysql)) : 1;
}

client_bool mysql_rollback(void *mysql)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);

	return lib ? end_transaction(h, lib->real.rollback(mysql)) : 1;
}

client_bool mysql_autocommit(void *mysql, client_bool on)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);
	client_bool failed = lib ? lib->real.autocommit(mysql, on) : 1;

	if (h && !failed) {
		h->session.autocommit = on != 0;
		h->session.transaction &= on == 0;
	}
	return failed;
}

int mysql_select_db(void *mysql, const char *db)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);
	int result = lib ? lib->real.select_db(mysql, db) : 1;

	if (h && result == 0)
		session_forget_database(&h->session);
	return result;
}

int mysql_set_character_set(void *mysql, const char *name)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);
	int result = lib ? lib->real.set_character_set(mysql, name) : 1;

	if (h && result == 0)
		session_forget_charset(&h->session);
	return result;
}

/* The call threw the session away: it begins anew, with the server's autocommit. */
static void begin_anew(struct handle *h)
{
	unsigned status = handle_status(h);

	session_init(&h->session);
	h->session.autocommit =
		status != CLIENT_STATUS_UNKNOWN && (status & CLIENT_STATUS_AUTOCOMMIT);
	for (struct statement *s = h->statements; s; s = s->next)
		s->prepared = false;
}

client_bool mysql_change_user(void *mysql, const char *user, const char *password, const char *db)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);
	client_bool failed = lib ? lib->real.change_user(mysql, user, password, db) : 1;

	if (h && !failed)
		begin_anew(h);
	return failed;
}

int mysql_reset_connection(void *mysql)
{
	const struct library *lib;
	struct handle *h = find(mysql, HOOK_CALLER, &lib);
	int result = lib && lib->real.reset_connection ? lib->real.reset_connection(mysql) : 1;

	if (h && result == 0)
		begin_anew(h);
	return result;
}
