/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's logins. */
#include "link.h"

#include "base/secret.h"

#include <errno.h>

#define DIAL_LIMIT_NS (1500 * LOOP_MS) /* then a fresh SYN is better than the next repeat */
#define LOGIN_LIMIT_NS (30 * LOOP_S)   /* a server that is waking up greets late */

/*
 * A copy of the credential whose password is an RDS token for that very host, good for this login.
 * It travels in clear text, so that only TLS with a verified certificate will do.
 */
static int token_take(const struct links *links, struct link *link, const char *host,
	const struct credential **credential)
{
	int r;

	if (!links->by_token || (*credential)->origin != CREDENTIAL_CONFIGURED)
		return 0;
	link->own = secret_alloc(sizeof(*link->own));
	if (!link->own)
		return -ENOMEM;
	*link->own = **credential;
	link->own->tls.on = link->own->tls.verify = true;
	r = links->token(links->ctx, host, link->addr.port, link->own->user, link->own->password,
		sizeof(link->own->password));
	*credential = link->own;
	return r;
}

static void token_drop(struct link *link)
{
	secret_free(link->own, sizeof(*link->own));
	link->own = NULL;
}

static uint64_t now_ms(const struct links *links)
{
	return loop_now_ns(links->loop) / LOOP_MS;
}

int link_open(const struct links *links, struct link *link, const struct link_options *options)
{
	struct member_options member = {.addr = *options->addr,
		.host = options->host,
		.told = options->told,
		.ctx = options->ctx,
		.dial_limit_ns = options->dial_limit_ns ? options->dial_limit_ns : DIAL_LIMIT_NS,
		.login_limit_ns = LOGIN_LIMIT_NS};
	int r;

	*link = (struct link){.ticket = NO_TICKET, .addr = *options->addr};
	member.credential = credentials_take(links->credentials, now_ms(links), &link->ticket);
	if (!member.credential) {
		link->ticket = NO_TICKET;
		return -EACCES;
	}
	r = token_take(links, link, options->host, &member.credential);
	if (r == 0)
		r = member_open(links->loop, &member, &link->member);
	if (r < 0) {
		token_drop(link);
		credentials_unanswered(links->credentials, link->ticket);
		*link = (struct link){.ticket = NO_TICKET};
	}
	return r;
}

void link_close(const struct links *links, struct link *link)
{
	member_close(link->member);
	token_drop(link);
	if (link->member && link->ticket != NO_TICKET)
		credentials_unanswered(links->credentials, link->ticket);
	*link = (struct link){.ticket = NO_TICKET};
}

void link_ready(const struct links *links, struct link *link)
{
	credentials_proven(links->credentials, link->ticket, now_ms(links));
	link->ticket = NO_TICKET;
	link->ready = true;
	token_drop(link);
}

/* Said once for each credential, with the SQL for just this user. */
static void denied(const struct links *links, const struct link *link,
	const struct member_failure *failure)
{
	const struct credential *credential = credentials_of(links->credentials, link->ticket);
	char remedy[CREDENTIALS_REMEDY_MAX];

	credentials_remedy(credential->user, links->dialect, remedy, sizeof(remedy));
	if (credentials_denied(links->credentials, link->ticket, now_ms(links)))
		log_event(links->log, LOG_ERROR, "access-denied", links->name, NULL,
			"%s; what mends it: %s", failure->text, remedy);
}

void link_failed(const struct links *links, struct link *link, const struct member_failure *failure)
{
	if (link->ticket == NO_TICKET)
		return;
	if (failure->kind == MEMBER_DENIED) {
		denied(links, link, failure);
		links->denied(links->ctx);
	} else {
		credentials_unanswered(links->credentials, link->ticket);
		if (failure->kind == MEMBER_UNFIT)
			log_say(links->log, LOG_WARNING, "login-unfit", links->name, NULL, "%s",
				failure->text ? failure->text : "no login");
	}
	link->ticket = NO_TICKET;
}
