/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's logins: which credential goes where, and what its outcome says of it.
 *
 * A credential goes only to addresses that the cluster's own names or validated hosts resolve to:
 * the callers see to that.  Its outcome is told exactly once per login.
 *
 * A login that fails rests at the address where it did, whoever asks for the next (pace.h): one server
 * that denies does not keep the others out, and one that has moved is a new one.
 */
#ifndef LINK_H
#define LINK_H

#include "base/log.h"
#include "credentials.h"
#include "logic/pace.h"
#include "member.h"

#define NO_TICKET UINT32_MAX
#define DOORS 32
#define LINK_PROVEN 2 /* useful answers: it does more than to say who it is */

/* What is remembered of an address that was logged in to, or was to be. */
struct door {
	struct pel_addr addr;
	uint64_t used_ns; /* 0: a free place */
	struct pace pace;
	uint16_t refused; /* a bit for each ticket that it will not have, until the rest is over */
	uint16_t proven;  /* ... that was let in when it came last */
};

struct doors {
	struct door list[DOORS];
};

/* What the logins of one cluster share; it outlives them. */
struct links {
	struct loop *loop;
	struct log *log;  /* may be NULL */
	const char *name; /* the cluster's, for the log */
	struct credentials *credentials;
	struct doors *doors;
	const char *const *grants; /* what its users need, up to NULL: "USAGE ON *.*" */
	bool by_token;             /* a configured credential's password is made for each login */
	int (*token)(void *ctx, const char *host, uint16_t port, const char *user, char *ret,
		size_t size);
	void (*denied)(void *ctx); /* a login was refused */
	bool (*has_member)(void *ctx,
		const struct pel_addr *addr); /* at this address, as far as known */
	void *ctx;
};

/* A login under way or done: the connection and the credential that it uses. */
struct link {
	struct member *member;
	unsigned ticket; /* of credentials.h, until the outcome is told; else NO_TICKET */
	bool accepted;   /* TCP is up */
	bool ready;      /* logged in */
	uint8_t told;    /* useful answers, counted up to LINK_PROVEN; the first says who it is */
	struct pel_addr addr;
	struct credential *own; /* with a token made for this login; or NULL */
};

struct link_options {
	const struct pel_addr *addr;
	const char *host;
	uint64_t dial_limit_ns; /* 0: the usual */
	uint16_t but;           /* a bit for each ticket that must not be shown there */
	bool urgent; /* whether it answers at all has to be known: no rest counts, only the share */
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure);
	void *ctx;
};

/*
 * Begins a login.  0; -EACCES: no credential may be tried now; -EAGAIN: nor any at that address; both
 * until links_due_ns().  -errno.
 */
int link_open(const struct links *links, struct link *link, const struct link_options *options);

/* When a login there may begin; LOOP_NEVER if only a new credential can help. */
uint64_t links_due_ns(const struct links *links, const struct pel_addr *addr);

/* There is something new to log in with. */
void links_forgive(const struct links *links);

/* Something has happened: who was busy or cut logins off may be well again. */
void links_hurry(const struct links *links);

/* Ends it without a word; also what was never opened. */
void link_close(const struct links *links, struct link *link);

/* What the callback has to pass on: the login has succeeded, or failed. */
void link_ready(const struct links *links, struct link *link);
/* ... the server has answered a question; or nothing of use. */
void link_told(const struct links *links, struct link *link);
void link_useless(const struct links *links, const struct link *link);
void link_failed(const struct links *links, struct link *link,
	const struct member_failure *failure);

#endif
