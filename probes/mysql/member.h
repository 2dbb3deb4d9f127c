/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to one server, through libmariadb's non-blocking API.
 *
 * It dials the address that it is given under the name that it is given (TLS verifies that name),
 * logs in, and then answers one question at a time.  All limits of time are the caller's, in
 * nanoseconds; libmariadb's own are not used.  What happens is told by one function, never from
 * within a call of this interface; member_close() is allowed inside it.
 *
 * What a server may not have of us: files (LOCAL INFILE), a password in clear text or in an old
 * hash unless TLS was verified, an answer without end.
 */
#ifndef MEMBER_H
#define MEMBER_H

#include "credentials.h"
#include "base/loop.h"

#include "common/rows.h"

#define MEMBER_ANSWER_MAX (4u << 20) /* bytes of one answer */
#define MEMBER_QUERY_MAX 2048        /* bytes of a question, with its NUL */

struct member;

enum member_event {
	MEMBER_DIALLED,  /* a SYN was sent */
	MEMBER_ACCEPTED, /* TCP is up */
	MEMBER_READY,    /* logged in; *answer holds the times of dial and login */
	MEMBER_ANSWERED, /* *answer */
	MEMBER_FAILED,   /* *failure; nothing more will come, member_close() is due */
};

enum member_failure_kind {
	MEMBER_REFUSED = 1, /* the peer refused, reset or ended it while dialling or logging in */
	MEMBER_UNDIALLED,   /* no answer of the peer: no route, timed out in the kernel */
	MEMBER_DENIED,      /* the server refused the credential */
	MEMBER_SPOKE, /* the server said an error that is no denial: too many connections ... */
	MEMBER_UNFIT, /* it does not meet our conditions (TLS, plugin), or protocol; or blocks us */
	MEMBER_LOST,  /* the connection ended after the login */
	MEMBER_LATE,  /* the limit of time that the caller gave passed */
};

struct member_failure {
	enum member_failure_kind kind;
	bool heard;    /* TCP was up: the server has noticed the attempt */
	unsigned code; /* of MySQL: of server or client; 0 if none */
	const char *text;
};

struct member_answer {
	uint64_t sent_ns;
	uint64_t received_ns;
	unsigned error;                /* of the server; 0: cells hold the result */
	const char *text;              /* of the error */
	const struct pel_cells *cells; /* NULL for a ping and for an error */
};

struct member_options {
	struct pel_addr addr;
	const char *host;                    /* copied */
	const struct credential *credential; /* must stay until READY or FAILED */
	uint64_t dial_limit_ns;              /* from the SYN to ACCEPTED */
	uint64_t login_limit_ns; /* from there to READY: given up late, for servers count that */
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure);
	void *ctx;
};

/* Begins to dial in the loop's next round.  0 or -errno. */
int member_open(struct loop *loop, const struct member_options *options, struct member **ret);

/* Frees; what is under way is given up.  NULL is ignored. */
void member_close(struct member *m);

/* From now on another function is told. */
void member_hand_over(struct member *m,
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure),
	void *ctx);

/* True once the server has said the first word. */
bool member_is_greeted(const struct member *m);

/* True if a question may be put. */
bool member_is_idle(const struct member *m);

/* Puts a question; `limit_ns` LOOP_NEVER: no limit.  0, or -EBUSY. */
int member_ask(struct member *m, const char *query, uint64_t limit_ns);

/*
 * Puts a statement whose rows are dropped as they come, however many; it stays the caller's, and as
 * it is, until the answer.  0, or -EBUSY.
 */
int member_drain(struct member *m, const char *query, size_t n, uint64_t limit_ns);

/* TCP_INFO of the connection: see health_looked().  -ENOTCONN if there is no socket. */
int member_look(const struct member *m, bool *ret_unacked, uint64_t *ret_ack_age_ns);

#endif
