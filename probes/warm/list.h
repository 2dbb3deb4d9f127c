/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of a warm-up: split from text, and only those that are plain reads.
 *
 * Text is a file as a person or a tool wrote it.  If it has a semicolon outside of strings and
 * comments, semicolons separate its statements; else each line is one.  Comments may stand anywhere;
 * those that a server executes make their statement none of ours.  "USE name" holds for what follows.
 *
 * What sql_plain.h does not call a read is counted and left out.  Pure, linear, safe on any bytes.
 */
#ifndef WARM_LIST_H
#define WARM_LIST_H

#include "common/sql_plain.h"

#define WARM_TEXT_MAX (1024 * 1024)
#define WARM_STATEMENT_MAX 65536
#define WARM_DATABASE_MAX 200 /* quoted: 64 characters of 3 bytes */

struct warm_statement {
	char *text; /* with a NUL behind it */
	size_t n;
	unsigned database; /* of warm_list.databases; 0: the connection's own */
};

struct warm_list {
	struct warm_statement *statements;
	unsigned n;
	unsigned refused;                     /* statements that are no plain reads */
	unsigned limit;                       /* those beyond it are not looked at */
	char (*databases)[WARM_DATABASE_MAX]; /* as they stand in a USE, quoted where need be */
	unsigned n_databases;
};

void warm_list_init(struct warm_list *list, unsigned limit);
void warm_list_deinit(struct warm_list *list);

/* Adds the reads of a text.  0 or -ENOMEM. */
int warm_list_parse(struct warm_list *list, const char *text, size_t n);

/*
 * Adds one statement if it is a read; `database` is a name as the server tells it, NULL or "": none.
 * 0 or -ENOMEM.
 */
int warm_list_add(struct warm_list *list, const char *text, size_t n, const char *database);

/*
 * The next statement of a text from offset *at on, without comments and blanks around it; moves *at
 * behind it.  False at the end.  `lines`: a line's end separates, too.
 */
bool warm_split(const char *text, size_t n, bool lines, size_t *at, struct pel_sql_span *ret);

#endif
