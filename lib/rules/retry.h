/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and what follows from them.  Pure: numbers in, decision out.
 */
#ifndef PELORUS_LIB_RULES_RETRY_H
#define PELORUS_LIB_RULES_RETRY_H

#include "common/sql_plain.h"

#include <stdbool.h>

/* What an error says about the connection and the statement. */
enum retry_cause {
	CAUSE_NONE = 0,   /* the statement's own affair */
	CAUSE_NEVER_SENT, /* the connection was gone before the statement left */
	CAUSE_IN_FLIGHT,  /* lost with the statement on its way: it may have been executed */
	CAUSE_REFUSED,    /* the server did not execute it, for it says it is read-only */
};

enum retry_cause retry_cause_of(unsigned error);

/* PELORUS_RETRY */
enum retry_mode { RETRY_SAFE = 0, RETRY_OFF };

/* How things stood when the error came. */
struct retry_situation {
	enum retry_cause cause;
	enum pel_sql_class class; /* of the statement */
	enum retry_mode retry;
	bool autocommit;     /* surely 1 */
	bool in_transaction; /* or not surely outside one */
	bool dirty;          /* the session held what cannot be restored */
	bool once;           /* can be executed only once: long data, a result half read */
	bool resets;         /* the call throws the session's state away in any case */
};

enum retry_action {
	RETRY_AGAIN,        /* silently */
	RETRY_SHOW_CHANGED, /* 08S02: the connection is another, the statement was not executed */
	RETRY_SHOW_UNKNOWN, /* 08007: whether the statement or its transaction took effect is unknown */
};

/* What to do once the connection works again. */
enum retry_action retry_decide(const struct retry_situation *s);

/* "08S02" or "08007". */
const char *retry_sqlstate_of(enum retry_action action);

#endif
