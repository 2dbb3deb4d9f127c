/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a connection. */
#include "hook.h"

#include "move.h"
#include "token.h"
#include "connection.h"

#include "common/text.h"

/* What is remembered of a pointer ends with its connection, or when it is used for another. */
static void forget(const void *mysql)
{
	struct abi_handle *h = abi_handle_of(mysql);

	if (h)
		abi_handle_free(h);
}

/* The host as the library took it, from the arguments or from an option file. */
static const char *host_of(const struct abi_client *c, void *mysql, const char *host)
{
	const char *told = NULL;

	if (host)
		return host;
	if (c->real.get_infov)
		(void)c->real.get_infov(mysql, ABI_INFO_HOST, &told);
	return told;
}

/* A connection by a followed name is remembered, and looked at. */
static struct abi_handle *adopt(const struct abi_client *c, void *mysql, const char *host)
{
	const char *name = host_of(c, mysql, host);
	struct followed *f = name ? abi_wire_followed(name) : NULL;
	struct abi_handle *h = f ? abi_handle_new(mysql, c, f) : NULL;

	if (!h)
		return NULL;
	abi_wire_note_socket(h);
	abi_verify(h);
	return h;
}

/* With an RDS token in place of the password, if one can be had; kept out of everybody's stack. */
static __attribute__((noinline)) void *connect_signed(const struct abi_client *c, void *mysql,
	const char *host, const char *user, const char *password, const char *db, unsigned port,
	unsigned long flags, bool *ret_signed)
{
	char token[ABI_TOKEN_MAX];
	void *result;

	*ret_signed = abi_token_take(c, mysql, host, user, port, token);
	result = c->real.real_connect(mysql, host, user, *ret_signed ? token : password, db, port,
		NULL, flags);
	text_wipe(token, sizeof(token));
	return result;
}

void *mysql_real_connect(void *mysql, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *socket, unsigned long flags)
{
	const struct abi_client *c = abi_client_of(ABI_FROM);
	bool is_signed = false;
	struct abi_handle *h;
	void *result;

	if (!c)
		return NULL;
	if (abi_depth || abi_client_contains(c, ABI_FROM))
		return c->real.real_connect(mysql, host, user, password, db, port, socket, flags);
	forget(mysql);
	abi_depth++;
	if (abi_token_is_wanted() && !socket)
		result =
			connect_signed(c, mysql, host, user, password, db, port, flags, &is_signed);
	else
		result = c->real.real_connect(mysql, host, user, password, db, port, socket, flags);
	abi_depth--;
	h = result && !socket ? adopt(c, result, host) : NULL;
	if (h && !is_signed)
		abi_wire_hand_over(h, user, password, port);
	return result;
}

void mysql_close(void *mysql)
{
	struct abi_handle *h = abi_handle_of(mysql);
	const struct abi_client *c = h ? h->client : abi_client_of(ABI_FROM);

	if (h)
		abi_handle_free(h);
	if (c) {
		abi_depth++;
		c->real.close(mysql);
		abi_depth--;
	}
}
