/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows when a call of the application's has failed, and what one that went well leaves.
 */
#ifndef PELORUS_LIB_CLIENT_CALL_H
#define PELORUS_LIB_CLIENT_CALL_H

#include "handle.h"

#include <stddef.h>

/* A call that can be made once more; 0: it went well. */
typedef int call_run(const struct library *lib, void *mysql, const char *text, size_t n);

/*
 * It failed with `result`.  Made once more if the connection could be moved; the result is then the
 * second one's.  `text` NULL: no statement, but mysql_ping().
 */
int call_failed(struct handle *h, call_run *run, const char *text, size_t n, int result);

/* A statement is to be sent.  One that asks for what a session left behind when it was moved is lost as well. */
void call_begin(struct handle *h, const char *text, size_t n);

/* It failed, and cannot be made again. */
void call_note_failure(struct handle *h);

/* A statement went well that pel_sql_is_harmless() did not pass. */
void call_note(struct handle *h, const char *text, size_t n);

#endif
