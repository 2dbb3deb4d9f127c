/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a connection. */
#include "connection.h"
#include "hook.h"
#include "move.h"
#include "token.h"
#include "common/text.h"
#include "known/wish.h"

/* What is remembered of a pointer ends with its connection, or when it is used for another. */
static void forget(const void *mysql)
{
	struct handle *h = handle_of(mysql);

	if (h)
		handle_free(h);
}

/* With an RDS token in place of the password, if one can be had; kept out of everybody's stack. */
static __attribute__((noinline)) void *connect_signed(const struct library *lib, void *mysql,
	const char *host, const char *user, const char *password, const char *db, unsigned port,
	unsigned long flags, bool *ret_signed)
{
	char token[TOKEN_MAX];
	void *result;

	*ret_signed = token_take(lib, mysql, host, user, port, token);
	result = lib->real.real_connect(mysql, host, user, *ret_signed ? token : password, db, port,
		NULL, flags);
	text_wipe(token, sizeof(token));
	return result;
}

void *mysql_real_connect(void *mysql, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *socket, unsigned long flags)
{
	const struct library *lib = library_of(HOOK_CALLER);
	bool is_signed = false;
	struct handle *h;
	struct wish *wish;
	void *result;

	if (!lib)
		return NULL;
	if (client_depth || library_contains(lib, HOOK_CALLER))
		return lib->real.real_connect(mysql, host, user, password, db, port, socket, flags);
	forget(mysql);
	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);
	client_depth++;
	if (token_is_wanted() && !socket)
		result = connect_signed(lib, mysql, host, user, password, db, port, flags,
			&is_signed);
	else
		result = lib->real.real_connect(mysql, host, user, password, db, port, socket,
			flags);
	client_depth--;
	(void)wish_end(wish);
	h = result && !socket ? connection_adopt(lib, result, host) : NULL;
	if (h)
		move_verify(h);
	if (h && !is_signed)
		connection_hand_over(h, user, password, port);
	return result;
}

void mysql_close(void *mysql)
{
	struct handle *h = handle_of(mysql);
	const struct library *lib = h ? h->library : library_of(HOOK_CALLER);

	if (h)
		handle_free(h);
	if (lib) {
		client_depth++;
		lib->real.close(mysql);
		client_depth--;
	}
}
