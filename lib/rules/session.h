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

#define ABI_SETTINGS_MAX 1024

struct abi_session {
	bool dirty;       /* something was done that cannot be restored */
	bool transaction; /* one was opened by a statement and not yet ended by one */
	bool autocommit_set;
	bool autocommit;                 /* the value last set, if autocommit_set */
	uint16_t used;                   /* of settings */
	char settings[ABI_SETTINGS_MAX]; /* statements, NUL-terminated, one behind the other */
};

/* A new or a reset session. */
void abi_session_init(struct abi_session *s);

/* A statement of this class was executed; `flags` as for pel_sql_classify(). */
void abi_session_note(struct abi_session *s, enum pel_sql_class class, const char *text, size_t n,
	unsigned flags);

/* The library itself restores the database, or the character set, that it was told last. */
void abi_session_forget_database(struct abi_session *s);
void abi_session_forget_charset(struct abi_session *s);

/* The statement behind `before` (NULL: the first) that restores a setting, or NULL. */
const char *abi_session_next(const struct abi_session *s, const char *before);

#endif
