/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running what the application called for, and what follows if its connection is lost on the way.
 */
#ifndef PELORUS_LIB_CLIENT_CALL_H
#define PELORUS_LIB_CLIENT_CALL_H

#include "handle.h"

#include <stddef.h>

/* A call that may have to be repeated. */
struct call {
	int (*run)(const struct call *call); /* 0: it went well */
	const struct client_functions *real;
	void *object;           /* MYSQL* or MYSQL_STMT* */
	struct handle *handle;  /* NULL: not followed, to be passed on */
	struct statement *stmt; /* NULL: the error is the connection's */
	enum pel_sql_class class;
	const char *text; /* the statement; NULL: there is none */
	size_t n;
	bool once;   /* as in struct retry_situation */
	bool resets; /* likewise */
	const void *argument;
	unsigned long number;
};

/* Runs it.  Its result, of the last time; the error to show is then in `shown`. */
int call_run(const struct call *call);

/* The same for a call from anywhere: of a handle, or passed on to the library that `from` means. */
int call_from(struct call *call, const void *from);

/* The same, when it has been run once and failed. */
int call_recover(const struct call *call, int result);

/* How things stand when an error of this cause has come. */
struct retry_situation call_situation(const struct call *call, enum retry_cause cause);

/* The statement failed by itself. */
void call_note_failure(const struct call *call);

/* A statement went well that pel_sql_is_harmless() did not pass. */
void call_note(struct handle *h, const char *text, size_t n);

#endif
