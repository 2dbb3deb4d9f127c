/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement may leave in its session, and whether it may be executed again on another.
 *
 * Positive lists throughout: a first word, a function, a session variable that is not listed, a
 * comment that the server executes, a second statement, anything that cannot be understood, is
 * PEL_SQL_DIRTY.  Pure functions, linear time, no allocation; safe on any bytes.
 */
#ifndef PELORUS_LIB_COMMON_SQL_PLAIN_H
#define PELORUS_LIB_COMMON_SQL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

enum pel_sql_class {
	PEL_SQL_DIRTY = 0, /* may leave something in the session, or is not understood */
	PEL_SQL_READ,      /* leaves nothing, changes nothing: may be executed again at any time */
	PEL_SQL_WRITE,     /* leaves nothing in the session: again only if surely not executed */
	PEL_SQL_PEEK,      /* leaves nothing, but asks for what this very session holds */
	PEL_SQL_SET,       /* sets known session variables: pel_sql_next_setting() lists them */
	PEL_SQL_USE,       /* changes the database: pel_sql_used_database() names it */
	PEL_SQL_BEGIN,     /* opens a transaction */
	PEL_SQL_END,       /* COMMIT or ROLLBACK, nothing else in it */
};

/* The session's sql_mode surely lacks NO_BACKSLASH_ESCAPES; else \' in a string is dirty. */
#define PEL_SQL_ESCAPES 0x1u
/* The connection's character set surely has no byte below 128 inside a longer character. */
#define PEL_SQL_ASCII 0x2u

enum pel_sql_class pel_sql_classify(const char *text, size_t n, unsigned flags);

/*
 * True only if the statement is a SELECT, INSERT, UPDATE, DELETE or REPLACE that surely leaves
 * nothing in the session: mostly a matter of finding no parenthesis, '@' or semicolon in it.  False
 * says nothing: ask pel_sql_classify().
 */
bool pel_sql_is_harmless(const char *text, size_t n);

/*
 * True if the text may ask for what a statement before has left in any session, the id of an insert or a
 * sequence's value; `last`: for the very last one's rows and warnings instead.
 */
bool pel_sql_recalls(const char *text, size_t n, bool last);

/* A piece of a statement. */
struct pel_sql_span {
	const char *at;
	size_t n;
};

/*
 * One assignment of a PEL_SQL_SET statement.  `name` is a variable as the list of sql_words.c spells it,
 * "names", "character set", or "session transaction" with the words that tell which of its two settings
 * it is; `value` is what follows it, as it was written.
 */
struct pel_sql_setting {
	const char *name;
	struct pel_sql_span value;
	bool is_variable; /* SET SESSION name = value; else SET name value */
};

/*
 * Reads the assignment at offset *at (0 at first) and moves *at behind it.  False at the end, or
 * where the statement is not a SET of known session variables; *at is then n or less.
 */
bool pel_sql_next_setting(const char *text, size_t n, unsigned flags, size_t *at,
	struct pel_sql_setting *ret);

/* The name in a USE statement, as it is written there, quotes and all.  False if it is not one. */
bool pel_sql_used_database(const char *text, size_t n, struct pel_sql_span *ret);

#endif
