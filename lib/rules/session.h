/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session holds: whether it is clean, whether a transaction is open, and the settings that
 * bring a new one to the same state.  Pure memory: knows statements, not connections.
 */
#ifndef PELORUS_LIB_RULES_SESSION_H
#define PELORUS_LIB_RULES_SESSION_H

#include "common/sql_plain.h"

#include <stdbool.h>
#include <stdint.h>

#define SESSION_SETTINGS_MAX 1024

struct session {
	bool dirty;       /* something was done that cannot be restored */
	bool transaction; /* one was opened by a statement and not yet ended by one */
	bool autocommit;  /* surely on: told by the server, or set */
	uint16_t used;    /* of settings */
	char settings[SESSION_SETTINGS_MAX]; /* statements, NUL-terminated, one behind the other */
};

/* A new or a reset session, whose autocommit is not known yet. */
void session_init(struct session *s);

/* A statement of this class was executed; `flags` as for pel_sql_classify(). */
void session_note(struct session *s, enum pel_sql_class class, const char *text, size_t n,
	unsigned flags);

/* Restores a collation that no statement set. */
void session_keep_collation(struct session *s, const char *name);

/* The library itself restores the database, or the character set, that it was told last. */
void session_forget_database(struct session *s);
void session_forget_charset(struct session *s);

/* The last statement that told the server in what character set statements come, or "". */
const char *session_charset(const struct session *s);

/* The statement behind `before` (NULL: the first) that restores a setting, or NULL. */
const char *session_next(const struct session *s, const char *before);

#endif
