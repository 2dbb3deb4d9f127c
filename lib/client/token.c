/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token is a password in clear text: so TLS with a verified certificate is demanded of the
 * library for it, and where a library has no such options that are known here, there is no token.
 * Without a token nothing is demanded: the program's own password goes the way that the program
 * chose.  Verification is not only for its own sake:  "enforced" alone, libmariadb goes on without
 * TLS where the server has none.
 */
#include "token.h"

#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/say.h"
#include "prober/follow.h"
#include "names/lookup.h"

#include <errno.h>

#define WAIT_NS UINT64_C(3000000000) /* for a prober that starts, or has no key yet */
#define AGAIN_NS UINT64_C(50000000)
#define PORT_DEFAULT 3306

bool token_is_wanted(void)
{
	return env_get()->auth_iam;
}

static bool demand_tls(const struct library *lib, void *mysql)
{
	client_bool on = 1;

	return lib->real.options(mysql, CLIENT_OPT_SSL_ENFORCE, &on) == 0 &&
		lib->real.options(mysql, CLIENT_OPT_SSL_VERIFY, &on) == 0;
}

static int ask(const struct followed *f, unsigned port, const char *user, char *ret)
{
	static const _Atomic uint32_t nobody;
	uint64_t end_ns = clock_now_ns() + WAIT_NS;
	int r;

	while ((r = follow_token(f, (uint16_t)port, user, ret, TOKEN_MAX)) == -EAGAIN &&
		clock_now_ns() < end_ns)
		futex_wait(NULL, 0, &nobody, 0, AGAIN_NS);
	return r;
}

bool token_take(const struct library *lib, void *mysql, const char *host, const char *user,
	unsigned port, char ret[static TOKEN_MAX])
{
	struct lookup l;
	int saved = errno;
	bool taken;

	if (!host || !user)
		return false;
	port = port ? port : PORT_DEFAULT;
	if (!lookup_begin(host, (uint16_t)port, &l))
		return false;
	taken = lib->is_mariadb && ask(l.followed, port, user, ret) == 0 && demand_tls(lib, mysql);
	if (!taken)
		say(SAY_NO_TOKEN, host);
	errno = saved;
	return taken;
}
