/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's logins. */
#include "link.h"

#include "base/secret.h"
#include "remedy.h"

#include <errno.h>
#include <string.h>

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

/* The door at that address; one that was used longest ago makes way. */
static struct door *door_at(const struct links *links, const struct pel_addr *addr)
{
	struct door *oldest = links->doors->list;

	for (unsigned i = 0; i < DOORS; i++) {
		struct door *d = &links->doors->list[i];

		if (d->used_ns && memcmp(&d->addr, addr, sizeof(*addr)) == 0)
			return d;
		if (d->used_ns < oldest->used_ns)
			oldest = d;
	}
	*oldest = (struct door){.addr = *addr};
	return oldest;
}

uint64_t links_due_ns(const struct links *links, const struct pel_addr *addr)
{
	const struct door *d = door_at(links, addr);
	uint64_t now = loop_now_ns(links->loop), due;

	if (now < d->pace.due_ns)
		return d->pace.due_ns;
	due = credentials_next_ms(links->credentials, d->refused, now / LOOP_MS);
	return due == UINT64_MAX ? LOOP_NEVER : due * LOOP_MS;
}

void links_forgive(const struct links *links)
{
	uint16_t changes = credentials_take_changes(links->credentials);

	for (unsigned i = 0; i < DOORS; i++) {
		links->doors->list[i].refused = 0;
		links->doors->list[i].proven &= (uint16_t)~changes;
		pace_forgive(&links->doors->list[i].pace);
	}
}

void links_hurry(const struct links *links)
{
	for (unsigned i = 0; i < DOORS; i++)
		pace_hurry(&links->doors->list[i].pace);
}

int link_open(const struct links *links, struct link *link, const struct link_options *options)
{
	struct member_options member = {.addr = *options->addr,
		.host = options->host,
		.told = options->told,
		.ctx = options->ctx,
		.dial_limit_ns = options->dial_limit_ns ? options->dial_limit_ns : DIAL_LIMIT_NS,
		.login_limit_ns = LOGIN_LIMIT_NS};
	struct door *d = door_at(links, options->addr);
	uint64_t now = loop_now_ns(links->loop);
	int r;

	*link = (struct link){.ticket = NO_TICKET, .addr = *options->addr};
	if (now < (options->urgent ? d->pace.least_ns : d->pace.due_ns))
		return -EAGAIN;
	d->used_ns = now;
	member.credential = credentials_take(links->credentials,
		options->but | (options->urgent ? 0 : d->refused), options->urgent, now / LOOP_MS,
		&link->ticket);
	if (!member.credential) {
		link->ticket = NO_TICKET;
		return -EACCES;
	}
	r = token_take(links, link, options->host, &member.credential);
	if (r == -EAGAIN)
		r = -ENODATA; /* no key yet: no matter of that address */
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
	struct door *d = door_at(links, &link->addr);

	d->refused = 0;
	d->proven = (uint16_t)(1u << link->ticket);
	credentials_proven(links->credentials, link->ticket, now_ms(links));
	link->ticket = NO_TICKET;
	link->ready = true;
	token_drop(link);
}

void link_told(const struct links *links, struct link *link)
{
	if (link->told < LINK_PROVEN && ++link->told == LINK_PROVEN)
		pace_well(&door_at(links, &link->addr)->pace);
}

void link_useless(const struct links *links, const struct link *link)
{
	uint64_t now = loop_now_ns(links->loop);

	pace_next(&door_at(links, &link->addr)->pace, link->told ? PACE_CUT_SHORT : PACE_CUT_LOGIN,
		now, now);
}

/* Whether this credential was let in when it came last to a member elsewhere. */
static bool is_proven_elsewhere(const struct links *links, const struct link *link)
{
	for (unsigned i = 0; i < DOORS; i++) {
		const struct door *d = &links->doors->list[i];

		if (d->used_ns && (d->proven & 1u << link->ticket) &&
			memcmp(&d->addr, &link->addr, sizeof(d->addr)) != 0 &&
			links->has_member(links->ctx, &d->addr))
			return true;
	}
	return false;
}

/* Said once for each credential and reason. */
static void say(const struct links *links, const struct link *link, const char *code,
	const struct member_failure *failure, const char *remedy)
{
	if (credentials_tell(links->credentials, link->ticket, failure->code))
		log_event(links->log, LOG_ERROR, code, links->name, NULL, "%s; what mends it: %s",
			failure->text ? failure->text : "no login", remedy);
}

/* A name of the cluster leads to another's server, which is no news of the credential. */
static void denied_by_stranger(const struct links *links, const struct link *link,
	const struct member_failure *failure)
{
	if (credentials_tell(links->credentials, link->ticket, ~failure->code))
		log_event(links->log, LOG_WARNING, "stranger-denied", links->name, NULL,
			"%s; a name of the cluster leads there, to a server that is no known member "
			"of it",
			failure->text ? failure->text : "no login");
	credentials_unanswered(links->credentials, link->ticket);
}

static void denied(const struct links *links, const struct link *link,
	const struct member_failure *failure)
{
	const struct credential *credential = credentials_of(links->credentials, link->ticket);
	bool proven = is_proven_elsewhere(links, link);
	char remedy[REMEDY_MAX];

	if (proven && !links->has_member(links->ctx, &link->addr)) {
		denied_by_stranger(links, link, failure);
		return;
	}
	remedy_of_login(credential->user, failure->code, links->grants, remedy, sizeof(remedy));
	say(links, link, "access-denied", failure, remedy);
	if (proven)
		credentials_unanswered(links->credentials, link->ticket);
	else
		credentials_denied(links->credentials, link->ticket, now_ms(links));
	links->denied(links->ctx);
}

static void unfit(const struct links *links, const struct link *link,
	const struct member_failure *failure)
{
	say(links, link, "login-unfit", failure,
		remedy_of_unfit(failure->code, failure->text ? failure->text : ""));
	credentials_unanswered(links->credentials, link->ticket);
}

/* The next try at that door: of another credential at once, if it has not refused that as well. */
static void door_close(const struct links *links, const struct link *link,
	enum member_failure_kind kind)
{
	struct door *d = door_at(links, &link->addr);
	uint64_t now = loop_now_ns(links->loop);
	uint16_t bit = (uint16_t)(1u << link->ticket);
	enum pace_kind pace = kind == MEMBER_LATE ? PACE_LATE_LOGIN : PACE_CUT_LOGIN;

	if (kind == MEMBER_DENIED || kind == MEMBER_UNFIT) {
		d->refused |= bit;
		d->proven &= (uint16_t)~bit;
		pace = PACE_OTHER_LOGIN;
		if (credentials_next_ms(links->credentials, d->refused, 0) == UINT64_MAX) {
			d->refused = 0;
			pace = kind == MEMBER_UNFIT ? PACE_UNFIT_LOGIN : PACE_DENIED_LOGIN;
		}
	}
	pace_next(&d->pace, pace, now, now ^ link->addr.port);
}

void link_failed(const struct links *links, struct link *link, const struct member_failure *failure)
{
	if (link->ticket == NO_TICKET) {
		if (link->told < LINK_PROVEN)
			link_useless(links, link);
		return;
	}
	if (failure->heard)
		door_close(links, link, failure->kind);
	if (failure->kind == MEMBER_DENIED)
		denied(links, link, failure);
	else if (failure->kind == MEMBER_UNFIT)
		unfit(links, link, failure);
	else
		credentials_unanswered(links->credentials, link->ticket);
	link->ticket = NO_TICKET;
}
