/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's logins: which credential goes where, and what its outcome says of it.
 *
 * A credential goes only to addresses that the cluster's own names or validated hosts resolve to:
 * the callers see to that.  Its outcome is told exactly once per login.
 */
#include "engine/internal.h"

#include "base/secret.h"

#include <errno.h>

#define DIAL_LIMIT_NS (1500 * LOOP_MS) /* then a fresh SYN is better than the next repeat */
#define SCOUT_DIAL_NS (250 * LOOP_MS)  /* while it looks for anyone who answers, at first */
#define SCOUT_YOUNG_NS LOOP_S
#define LOGIN_LIMIT_NS (10 * LOOP_S)

/*
 * A copy of the credential whose password is an RDS token for that very host, good for this login.
 * It travels in clear text, so that only TLS with a verified certificate will do.
 */
static int token_take(struct cluster *c, struct link *link, const char *host,
	const struct credential **credential)
{
	int r;

	if (c->config->auth != CONFIG_AUTH_IAM || (*credential)->origin != CREDENTIAL_CONFIGURED)
		return 0;
	link->own = secret_alloc(sizeof(*link->own));
	if (!link->own)
		return -ENOMEM;
	*link->own = **credential;
	link->own->tls.on = link->own->tls.verify = true;
	r = engine_remote_token(c, host, link->addr.port, link->own->user, link->own->password,
		sizeof(link->own->password));
	*credential = link->own;
	return r;
}

static void token_drop(struct link *link)
{
	secret_free(link->own, sizeof(*link->own));
	link->own = NULL;
}

/* A scout has more addresses to try than that of a writer which has just fallen silent. */
static uint64_t dial_limit(const struct cluster *c, const struct link *link)
{
	return link == &c->scout && cluster_now(c) < c->born_ns + SCOUT_YOUNG_NS ? SCOUT_DIAL_NS
										 : DIAL_LIMIT_NS;
}

int link_open(struct cluster *c, struct link *link, const struct pel_addr *addr, const char *host,
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure),
	void *ctx)
{
	struct member_options options = {.addr = *addr,
		.host = host,
		.told = told,
		.ctx = ctx,
		.dial_limit_ns = dial_limit(c, link),
		.login_limit_ns = LOGIN_LIMIT_NS};
	int r;

	*link = (struct link){.ticket = NO_TICKET, .addr = *addr};
	options.credential =
		credentials_take(c->credentials, cluster_now(c) / LOOP_MS, &link->ticket);
	if (!options.credential) {
		link->ticket = NO_TICKET;
		return -EACCES;
	}
	r = token_take(c, link, host, &options.credential);
	if (r == 0)
		r = member_open(c->engine->loop, &options, &link->member);
	if (r < 0) {
		token_drop(link);
		credentials_unanswered(c->credentials, link->ticket);
		*link = (struct link){.ticket = NO_TICKET};
	}
	return r;
}

void link_close(struct cluster *c, struct link *link)
{
	member_close(link->member);
	token_drop(link);
	if (link->member && link->ticket != NO_TICKET)
		credentials_unanswered(c->credentials, link->ticket);
	*link = (struct link){.ticket = NO_TICKET};
}

void link_ready(struct cluster *c, struct link *link)
{
	credentials_proven(c->credentials, link->ticket, cluster_now(c) / LOOP_MS);
	link->ticket = NO_TICKET;
	link->ready = true;
	token_drop(link);
}

static void say_denied(struct cluster *c, const struct member_failure *failure, const char *remedy)
{
	log_event(c->engine->log, LOG_ERROR, "access-denied", c->names[0].text, NULL,
		"%s; what mends it: %s", failure->text, remedy);
}

/* Said once for each credential, with the SQL for just this user. */
static void denied(struct cluster *c, const struct link *link, const struct member_failure *failure)
{
	const struct credential *credential = credentials_of(c->credentials, link->ticket);
	char remedy[CREDENTIALS_REMEDY_MAX];

	credentials_remedy(credential->user,
		c->dialect == &dialect_read_only ? CONFIG_DIALECT_READ_ONLY : CONFIG_DIALECT_AURORA,
		remedy, sizeof(remedy));
	if (credentials_denied(c->credentials, link->ticket, cluster_now(c) / LOOP_MS))
		say_denied(c, failure, remedy);
}

void link_failed(struct cluster *c, struct link *link, const struct member_failure *failure)
{
	if (link->ticket == NO_TICKET)
		return;
	if (failure->kind == MEMBER_DENIED) {
		denied(c, link, failure);
		engine_remote_denied(c);
	} else {
		credentials_unanswered(c->credentials, link->ticket);
		if (failure->kind == MEMBER_UNFIT)
			log_say(c->engine->log, LOG_WARNING, "login-unfit", c->names[0].text, NULL,
				"%s", failure->text ? failure->text : "no login");
	}
	link->ticket = NO_TICKET;
}

int link_read(struct cluster *c, const struct link *link, enum dialect_question question,
	const struct member_answer *answer, struct evidence *ret)
{
	*ret = (struct evidence){.sent_ns = answer->sent_ns,
		.received_ns = answer->received_ns,
		.from = link->addr};
	if (answer->error || !answer->cells)
		return -ENODATA;
	return c->dialect->read(question, answer->cells, ret);
}
