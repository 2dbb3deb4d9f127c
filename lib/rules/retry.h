/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and what follows from them.  Pure: numbers in, decision out.
 */
#ifndef PELORUS_LIB_RULES_RETRY_H
#define PELORUS_LIB_RULES_RETRY_H

#include "common/sql_plain.h"

#include <stdbool.h>

/* What an error says about the connection and the statement. */
enum abi_cause {
	ABI_CAUSE_NONE = 0,   /* the statement's own affair */
	ABI_CAUSE_NEVER_SENT, /* the connection was gone before the statement left */
	ABI_CAUSE_IN_FLIGHT,  /* lost with the statement on its way: it may have been executed */
	ABI_CAUSE_REFUSED,    /* the server did not execute it, for it says it is read-only */
};

enum abi_cause abi_cause_of(unsigned error);

/* PELORUS_RETRY */
enum abi_retry { ABI_RETRY_SAFE = 0, ABI_RETRY_OFF };

/* How things stood when the error came. */
struct abi_situation {
	enum abi_cause cause;
	enum pel_sql_class class; /* of the statement */
	enum abi_retry retry;
	bool autocommit;     /* surely 1 */
	bool in_transaction; /* or not surely outside one */
	bool dirty;          /* the session held what cannot be restored */
	bool once;           /* can be executed only once: long data, a result half read */
	bool resets;         /* the call throws the session's state away in any case */
};

enum abi_action {
	ABI_EXECUTE_AGAIN, /* silently */
	ABI_TELL_CHANGED,  /* 08S02: the connection is another, the statement was not executed */
	ABI_TELL_UNKNOWN, /* 08007: whether the statement or its transaction took effect is unknown */
};

/* What to do once the connection works again. */
enum abi_action abi_decide(const struct abi_situation *s);

/* "08S02" or "08007". */
const char *abi_sqlstate_of(enum abi_action action);

#endif
