/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialect: how one kind of cluster is asked, and how its answers become evidence.
 *
 * One constant struct per kind, each in a file of its own (aurora.c, read_only.c).
 * No state, no I/O.
 */
#ifndef PROBES_DIALECT_H
#define PROBES_DIALECT_H

#include "logic/evidence.h"

#include <stdbool.h>

enum dialect_question {
	DIALECT_HELLO = 0, /* identity and role, first on every connection */
	DIALECT_ROLE = 1,  /* own role alone: the question of the alarm */
	DIALECT_TABLE = 2, /* own role and what the server knows of the others; else, its own lag */
	DIALECT_QUESTIONS,
};

struct dialect_variables;

struct dialect {
	const char *name;
	bool has_table; /* servers tell the members; else they come from the configuration */
	const char *queries[DIALECT_QUESTIONS];
	const char *table_else; /* TABLE in older words, for who does not parse these; or NULL */
	/* Whether a server that greets with these is of this kind; then, the greeting as evidence. */
	bool (*detects)(const struct dialect_variables *v);
	void (*read_hello)(const struct dialect_variables *v, struct evidence *evidence);
	/*
	 * Reads the answer to another question: fills has and what it names, leaves times and address
	 * alone. 0, or -EPROTO: not an answer to that question, -ENODATA: an answer that says
	 * nothing.
	 */
	int (*read[DIALECT_QUESTIONS])(const struct pel_cells *cells, struct evidence *evidence);
};

extern const struct dialect dialect_aurora;
extern const struct dialect dialect_read_only;

/*
 * Reads a server's greeting.  *dialect NULL becomes the first that detects itself.  0, or an error as
 * of read(); -ENODATA: the server is not of that kind, or of none.
 */
int dialect_read_hello(const struct pel_cells *cells, const struct dialect **dialect,
	struct evidence *evidence);

/*
 * Why a server error makes the topology unknown: PEL_WHY_NOT_A_CLUSTER (no such table or variable),
 * PEL_WHY_DENIED (no such user, no such right), or PEL_WHY_NONE: load, shutdown and the like, which
 * say nothing about it.
 */
enum pel_why dialect_why(unsigned server_errno);

#endif
