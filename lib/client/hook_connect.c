/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning and the end of a connection.
 *
 * One that libmariadb's asynchronous calls have made is known and never moved: a loop of events
 * knows nothing of a move, and is never made to wait.
 *
 * PELORUS_AUTH=iam: the password is an RDS token, which the prober makes (`auth = iam` in its
 * configuration).  A token is a password in clear text: so TLS with a verified certificate is demanded
 * of the library for it, and where a library has no such options that are known here, there is no
 * token.  Without a token nothing is demanded: the program's own password goes the way that the
 * program chose.  Verification is not only for its own sake: "enforced" alone, libmariadb goes on
 * without TLS where the server has none.
 */
#include "connection.h"
#include "hook.h"
#include "move.h"
#include "common/clock.h"
#include "common/text.h"
#include "base/env.h"
#include "base/say.h"
#include "prober/follow.h"
#include "names/lookup.h"

#include <errno.h>

#define PORT_DEFAULT 3306
#define TOKEN_MAX 4096
#define TOKEN_WAIT_NS UINT64_C(3000000000) /* for a prober that starts, or has no key yet */
#define TOKEN_AGAIN_NS UINT64_C(50000000)
#define TOKEN_IN_VAIN_NS UINT64_C(60000000000) /* nobody waits again so soon */

/* What mysql_real_connect() was called with. */
struct login {
	const char *host, *user, *password, *db;
	unsigned port;
	unsigned long flags;
};

static void *connect_with(const struct library *lib, void *mysql, const struct login *l,
	const char *password)
{
	return lib->real.real_connect(mysql, l->host, l->user, password, l->db, l->port, NULL,
		l->flags);
}

static bool demand_tls(const struct library *lib, void *mysql)
{
	client_bool on = 1;

	return lib->real.options(mysql, CLIENT_OPT_SSL_ENFORCE, &on) == 0 &&
		lib->real.options(mysql, CLIENT_OPT_SSL_VERIFY, &on) == 0;
}

static bool take_token(const struct library *lib, void *mysql, const struct login *l,
	const struct followed *f, char ret[static TOKEN_MAX])
{
	static _Atomic uint64_t in_vain_ns[FOLLOWED_MAX]; /* when a wait was, by name */
	_Atomic uint64_t *last = &in_vain_ns[followed_index(f)];
	uint64_t begin = clock_now_ns(), seen = atomic_load(last);
	bool waits = !seen || begin >= seen + TOKEN_IN_VAIN_NS;
	uint16_t port = (uint16_t)(l->port ? l->port : PORT_DEFAULT);
	int saved = errno, r = -ENOTSUP;

	while (lib->is_mariadb && (r = follow_token(f, port, l->user, ret, TOKEN_MAX)) == -EAGAIN &&
		waits && clock_now_ns() < begin + TOKEN_WAIT_NS)
		connection_wait(connection_word(), TOKEN_AGAIN_NS);
	if (waits || r != -EAGAIN)
		atomic_store(last, r == -EAGAIN ? clock_now_ns() : 0);
	if (r == 0 && !demand_tls(lib, mysql))
		r = -ENOTSUP;
	if (r != 0)
		say(SAY_NO_TOKEN, l->host);
	errno = saved;
	return r == 0;
}

/* With an RDS token in place of the password, if one can be had; kept out of everybody's stack. */
static __attribute__((noinline)) void *connect_signed(const struct library *lib, void *mysql,
	const struct login *l, const struct followed *f, bool *ret_signed)
{
	char token[TOKEN_MAX];
	void *result;

	*ret_signed = take_token(lib, mysql, l, f, token);
	result = connect_with(lib, mysql, l, *ret_signed ? token : l->password);
	text_wipe(token, sizeof(token));
	return result;
}

static void *connect_followed(const struct library *lib, void *mysql, const struct login *l)
{
	struct wish *wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);
	bool is_signed = false, waited = false;
	struct lookup lookup;
	struct followed *f;
	struct handle *h;
	void *result;
	int fd;

	f = lookup_begin(l->host, (uint16_t)(l->port ? l->port : PORT_DEFAULT), &lookup)
		? lookup.followed
		: NULL;
	/* Before the library makes its socket, so that its connect() finds a writer. */
	if (f && lookup.mode == PEL_MODE_ACTIVE)
		waited = connection_await_way(f,
			library_limit_ns(lib, mysql, CLIENT_OPT_CONNECT_TIMEOUT));
	if (waited && wish)
		wish->has_waited = true;
	result = f && l->user && env_get()->auth_iam ? connect_signed(lib, mysql, l, f, &is_signed)
						     : connect_with(lib, mysql, l, l->password);
	fd = wish_end(wish);
	if (!result && f)
		followed_pin(f, NULL);
	h = result ? connection_adopt(lib, result, l->host, fd) : NULL;
	if (!h)
		return result;
	h->left = library_reconnects(lib, result);
	/* By now: it may have waited; and by its own name, which may be an option file's. */
	if (plan_mode(h->followed) == PEL_MODE_ACTIVE && !move_verify(h))
		return NULL;
	if (!is_signed)
		connection_hand_over(h, l->user, l->password, l->port);
	return result;
}

void *mysql_real_connect(void *mysql, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *socket, unsigned long flags)
{
	const struct login login = {host, user, password, db, port, flags};
	const struct library *lib = library_anew(HOOK_CALLER);

	if (!lib)
		return NULL;
	if (!library_contains(lib, HOOK_CALLER))
		handle_free(handle_of(mysql)); /* the pointer is used for another connection */
	if (library_contains(lib, HOOK_CALLER) || socket || !env_get()->active)
		return lib->real.real_connect(mysql, host, user, password, db, port, socket, flags);
	return connect_followed(lib, mysql, &login);
}

/* A library that connects anew closes its own MYSQL in passing. */
static const struct library *end(void *mysql, const void *from)
{
	const struct hook call = hook_begin(mysql, from);

	handle_free(call.h);
	return call.lib;
}

void mysql_close(void *mysql)
{
	const struct library *lib = end(mysql, HOOK_CALLER);

	if (lib)
		lib->real.close(mysql);
}

/* A step of libmariadb's asynchronous calls is done: behind the last one is `mysql`, or NULL. */
static int end_step(const struct library *lib, struct wish *wish, int events, void *mysql)
{
	struct handle *h = NULL;

	(void)wish_end(wish);
	if (events == 0 && mysql && env_get()->active)
		h = connection_adopt(lib, mysql, NULL, -1);
	if (h)
		h->left = true;
	return events;
}

int mysql_real_connect_start(void **ret, void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags)
{
	const struct library *lib = library_anew(HOOK_CALLER);
	struct wish *wish;
	int events;

	*ret = NULL;
	if (!lib || !lib->real.connect_start)
		return 0;
	handle_free(handle_of(mysql));
	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, true);
	events = lib->real.connect_start(ret, mysql, host, user, password, db, port, socket, flags);
	return end_step(lib, wish, events, socket ? NULL : *ret);
}

int mysql_real_connect_cont(void **ret, void *mysql, int events)
{
	const struct library *lib = library_of(HOOK_CALLER);
	struct wish *wish;

	*ret = NULL;
	if (!lib || !lib->real.connect_cont)
		return 0;
	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, true);
	events = lib->real.connect_cont(ret, mysql, events);
	return end_step(lib, wish, events, *ret);
}

int mysql_close_start(void *mysql)
{
	const struct library *lib = end(mysql, HOOK_CALLER);

	return lib ? lib->real.close_start(mysql) : 0;
}
