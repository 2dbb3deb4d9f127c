/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's logins: which credential goes where, and what its outcome says of it.
 *
 * A credential goes only to addresses that the cluster's own names or validated hosts resolve to:
 * the callers see to that.  Its outcome is told exactly once per login.
 */
#ifndef LINK_H
#define LINK_H

#include "base/log.h"
#include "credentials.h"
#include "member.h"

#define NO_TICKET UINT32_MAX

/* What the logins of one cluster share; it outlives them. */
struct links {
	struct loop *loop;
	struct log *log;  /* may be NULL */
	const char *name; /* the cluster's, for the log */
	struct credentials *credentials;
	enum config_dialect dialect; /* whose grants mend a refusal */
	bool by_token;               /* a configured credential's password is made for each login */
	int (*token)(void *ctx, const char *host, uint16_t port, const char *user, char *ret,
		size_t size);
	void (*denied)(void *ctx); /* a login was refused */
	void *ctx;
};

/* A login under way or done: the connection and the credential that it uses. */
struct link {
	struct member *member;
	unsigned ticket; /* of credentials.h, until the outcome is told; else NO_TICKET */
	bool accepted;   /* TCP is up */
	bool ready;      /* logged in */
	bool told;       /* the owner's: the server has said who it is */
	struct pel_addr addr;
	struct credential *own; /* with a token made for this login; or NULL */
};

struct link_options {
	const struct pel_addr *addr;
	const char *host;
	uint64_t dial_limit_ns; /* 0: the usual */
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure);
	void *ctx;
};

/* Begins a login.  0; -EACCES: no credential may be tried now; -errno. */
int link_open(const struct links *links, struct link *link, const struct link_options *options);

/* Ends it without a word; also what was never opened. */
void link_close(const struct links *links, struct link *link);

/* What the callback has to pass on: the login has succeeded, or failed. */
void link_ready(const struct links *links, struct link *link);
void link_failed(const struct links *links, struct link *link,
	const struct member_failure *failure);

#endif
