/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and what follows from them.  Pure: numbers in, decision out.
 *
 * A connection is moved only if three things hold: the session can be had again, no transaction is
 * open, and there is evidence of a failover.  In every other case it fails as without the library.
 */
#ifndef PELORUS_LIB_RULES_RETRY_H
#define PELORUS_LIB_RULES_RETRY_H

#include "sever.h"
#include "common/sql_plain.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

/* What an error says about the connection and the statement. */
enum retry_cause {
	CAUSE_NONE = 0,   /* the statement's own affair */
	CAUSE_NEVER_SENT, /* the connection was gone before the statement left */
	CAUSE_IN_FLIGHT,  /* lost with the statement on its way: it may have been executed */
	CAUSE_REFUSED,    /* the server did not execute it, for it says it is read-only */
};

enum retry_cause retry_cause_of(unsigned error);

/* True if the message of a refusal names the server's being read-only. */
bool retry_is_read_only(const char *message);

/* True if a login, or a setting that is restored, failed in a way that no waiting cures. */
bool retry_is_hopeless(unsigned error, const char *message);

/* PELORUS_RETRY */
enum retry_mode { RETRY_SAFE = 0, RETRY_OFF };

/* How things stood when the error came. */
struct retry_situation {
	enum retry_cause cause;
	enum pel_sql_class class; /* of the statement */
	enum retry_mode retry;
	bool clean; /* a new session with the settings that are kept is the same */
	bool idle;  /* surely outside a transaction, with autocommit */
	bool ping;  /* no statement, but the question whether the connection works */
};

enum retry_action {
	RETRY_LEAVE = 0, /* nothing, now or later: the connection is the program's to make anew */
	RETRY_TELL,      /* nothing now; the next call may move the connection */
	RETRY_MOVE,      /* with evidence of a failover: move the connection, and call once more */
};

enum retry_action retry_decide(const struct retry_situation *s);

enum retry_evidence {
	EVIDENCE_NOT_YET = 0,
	EVIDENCE_WELL,  /* of after the failure: the instance is what it was */
	EVIDENCE_MOVED, /* it is no longer what it was when the connection was made */
	EVIDENCE_NEVER, /* nobody is there who could have any */
};

/* An answer that came so soon behind the failure may have been sent before it. */
#define RETRY_NEWER_NS UINT64_C(5000000)

/*
 * What a topology says of the instance of a socket that failed; `socket->uid` is its cluster's.
 * `by_role`: that it is another than at the connect counts, too, not its absence alone.
 */
enum retry_evidence retry_evidence_of(const struct pel_hot *hot, const struct sever_socket *socket,
	bool by_role, uint64_t failed_ns, uint64_t now_ns);

#endif
