/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of a history: which open file stands behind each number, and what may have become of it.
 *
 * An open file is known by its cookie or its inode, and may have several numbers.  All that is asked
 * here goes to the kernel directly, past the hooks.
 */
#ifndef HISTORIES_MODEL_H
#define HISTORIES_MODEL_H

#include "world.h"

#define NUMBERS 64 /* RLIMIT_NOFILE */
#define FILES 256
#define MODEL_LIMIT_S 7 /* SO_SNDTIMEO of those that block */

enum kind {
	NOTHING = 0,
	FRESH,   /* a socket that nothing was done with */
	VIRTUAL, /* connected, or on the way, to a followed name */
	SHUT,    /* such a one that the program has shut down before it was connected */
	DONE,    /* ... or afterwards: what becomes of it is the peer's business as well */
	PLAIN,   /* connected to a bystander */
	SILENT,  /* on the way to a server that never answers, which the program has named itself */
	THING,   /* no socket */
	LOCKED,  /* the file that this process has a lock on */
};

struct file {
	enum kind kind;
	uint64_t id;
	unsigned numbers;  /* how many it has here */
	int home;          /* where its connect() was called; -1: elsewhere than here */
	unsigned clusters; /* bit c: may be connected to one of these */
	unsigned last;     /* the cluster of its last connect() */
	bool six;          /* AF_INET6 */
	bool muted;        /* may have been on the way to what never answers, and was severed */
	bool due;          /* waits, while there is a writer */
	bool blocks;       /* made so by the program, with a limit of its own */
};

struct model {
	struct world world;
	struct file files[FILES];
	struct file *at[NUMBERS]; /* NULL: the number is free, or not the history's */
	bool lenient;             /* since the last rest connects may have been refused, too */
	bool gone;                /* since the last rest the prober was gone, and DNS led */
	bool muted;               /* since the last rest a writer was one that never answers */
	unsigned children;
	unsigned long parked, redirected, refused, resets, slow;
};

/* Where a socket stands: TCP_*, and whereto. */
struct standing {
	int state;
	uint16_t port; /* 0: nowhere */
	int host;      /* enum host; 0: loopback's first address; -1: none of ours */
	bool ended;    /* its peer, or a shutdown, has ended what comes in */
};
struct standing standing_of(int fd);

bool is_place(const struct world *w, const struct standing *s);

uint64_t id_of(int fd, enum kind kind);

struct file *model_add(struct model *m, int fd, enum kind kind);
void model_drop(struct model *m, int fd);
void model_share(struct model *m, int from, int to);

/* A number of that kind by chance, or -1. */
int model_pick(const struct model *m, unsigned kinds, uint64_t chance);
#define KIND(kind) (1u << (kind))

/* Whether a socket blocks, and for how long, as the program wants it. */
bool model_blocks_right(const struct file *f, int fd);

/* NULL, or what is wrong with one number. */
const char *model_check(struct model *m, int fd);

#endif
