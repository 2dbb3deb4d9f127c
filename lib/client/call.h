/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running what the application called for, and what follows if its connection is lost on the way.
 */
#ifndef PELORUS_LIB_CLIENT_CALL_H
#define PELORUS_LIB_CLIENT_CALL_H

#include "handle.h"

#include <stddef.h>

/* A call that may have to be repeated. */
struct abi_call {
	int (*run)(const struct abi_call *call); /* 0: it went well */
	struct abi_handle *handle;
	struct abi_stmt *stmt; /* NULL: the error is the connection's */
	enum pel_sql_class class;
	const char *text; /* the statement; NULL: there is none */
	size_t n;
	bool once;   /* as in struct abi_situation */
	bool resets; /* likewise */
	const void *argument;
	unsigned long number;
};

/* Runs it.  Its result, of the last time; the error to tell is then in told. */
int abi_run(const struct abi_call *call);

/* The same, when it has been run once and failed. */
int abi_recover(const struct abi_call *call, int result);

/* How things stand when an error of this cause has come. */
struct abi_situation abi_situation_of(const struct abi_call *call, enum abi_cause cause);

/* The statement failed by itself. */
void abi_note_failure(const struct abi_call *call);

/* A statement went well that pel_sql_is_harmless() did not pass. */
void abi_note(struct abi_handle *h, const char *text, size_t n);

#endif
