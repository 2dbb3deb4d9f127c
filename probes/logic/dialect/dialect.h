/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialect: how one kind of cluster is asked, and how its answers become evidence.
 *
 * One constant struct per kind, each in a file of its own (aurora.c, read_only.c); the list of them is
 * config/dialects.h.  No state, no I/O.
 *
 * What counts as a second witness is what the evidence carries: rows with ages are one, and so is a
 * term; else there is none (logic/topology/confirm.c).
 */
#ifndef PROBES_DIALECT_H
#define PROBES_DIALECT_H

#include "config/dialects.h"
#include "logic/evidence.h"

#include <stdbool.h>

enum dialect_question {
	DIALECT_HELLO = 0, /* identity, first on every connection; the role, where it is told so */
	DIALECT_ROLE = 1,  /* own role alone: the question of the alarm */
	DIALECT_TABLE = 2, /* own role and what the server knows of the others */
	DIALECT_LAG = 3,   /* a reader's own lag, at leisure */
	/* The hosts of the writer's replicas, at leisure, where `allowed-hosts` is set. */
	DIALECT_REPLICAS = 4,
	DIALECT_BLUEGREEN = 5, /* BLUEGREEN_QUERY (logic/bluegreen.h), which is read there */
	DIALECT_QUESTIONS,
};

/* Where the hosts of members come from. */
enum dialect_hosts {
	DIALECT_HOSTS_CONFIGURED = 0, /* the configuration, or a coordinator */
	DIALECT_HOSTS_TOLD,           /* servers tell hosts, which `allowed-hosts` has to have */
	DIALECT_HOSTS_BY_DOMAIN,      /* ... ids, which are labels in the cluster's domain */
	DIALECT_HOSTS_BY_REGION,      /* ... and regions, each of which has a pattern */
};

struct dialect_variables;

struct dialect {
	const char *name;
	enum dialect_hosts hosts;
	const char *queries[DIALECT_QUESTIONS]; /* from TABLE on NULL: is not asked */
	const char *older[DIALECT_QUESTIONS];   /* in words for who does not parse these; or NULL */
	bool quiet; /* its writer hands over without breaking a connection, by a command of its own */
	const char *const *grants; /* what a user needs to ask, up to NULL: "USAGE ON *.*" */
	bool (*detects)(const struct dialect_variables *v); /* is for `auto` alone */
	/* The greeting as evidence.  0; -ENODATA: the server is not of this kind. */
	int (*read_hello)(const struct dialect_variables *v, struct evidence *evidence);
	/*
	 * Reads the answer to another question: fills has and what it names, leaves times and address
	 * alone. 0, or -EPROTO: not an answer to that question, -ENODATA: an answer that says
	 * nothing.
	 */
	int (*read)(enum dialect_question question, const struct pel_cells *cells,
		struct evidence *evidence);
};

#define DIALECT_DECLARE(word) extern const struct dialect dialect_##word;
CONFIG_DIALECTS(DIALECT_DECLARE)

/* That of a place in config/dialects.h, from 1; NULL: there is none. */
const struct dialect *dialect_at(unsigned place);

/* What a server is asked first that may be of any kind. */
const char *dialect_greeting(void);

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
