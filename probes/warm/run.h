/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One warm-up of one instance: the lock by which one prober alone does it, and the statements.
 *
 * The lock is a named one (lock.h) on the instance itself, or on the writer where the instance
 * gives none, held by a connection of its own; it is free again when that ends, whatever the reason.
 * A second name, taken at the end, tells the probers that come later that the work is done, for as
 * long as this run stays open.
 *
 * Statements run on further connections, in sessions that are READ ONLY and limit a statement's
 * time at the server, too.  What they answer is dropped as it comes.
 */
#ifndef WARM_RUN_H
#define WARM_RUN_H

#include "list.h"
#include "mysql/link.h"

#define WARM_HANDS 16

enum warm_event {
	WARM_LOCKED,   /* nobody else does it: warm_run_start() */
	WARM_TAKEN,    /* somebody else does; told again until this run gets the lock or is lost, or
	                * WARM_WARMED */
	WARM_WARMED,   /* somebody else has done it */
	WARM_PROGRESS, /* warm_run_counts() */
	WARM_DONE,     /* every statement has had its turn */
	WARM_LOST,     /* the instance is lost, or does not let us; `text` says why */
};

struct warm_counts {
	unsigned done, total, failed;
	char error[160]; /* of the first that failed */
};

struct warm_run_options {
	const struct links *links;
	struct pel_addr addr;
	const char *host; /* copied */
	const char *id;   /* copied */
	unsigned parallel;
	uint64_t statement_ns;
	bool again; /* although it has been warmed */
	/* The run may be closed in it, but for WARM_PROGRESS. */
	void (*told)(void *ctx, enum warm_event event, const char *text);
	/* The slot of the writer, which keeps the lock where the instance gives none, or PEL_NONE;
	 * its address has no family where nobody can log in. */
	unsigned (*keeper)(void *ctx, struct pel_addr *ret_addr, const char **ret_host);
	void *ctx;
};

struct warm_run;

/* Logs in and asks for the lock.  0 or -errno. */
int warm_run_open(const struct warm_run_options *options, struct warm_run **ret);

/* Runs the statements, which stay the caller's and as they are; after WARM_LOCKED. */
void warm_run_start(struct warm_run *r, const struct warm_list *list);

const struct warm_counts *warm_run_counts(const struct warm_run *r);

/* Ends all connections and frees; NULL is ignored. */
void warm_run_close(struct warm_run *r);

#endif
