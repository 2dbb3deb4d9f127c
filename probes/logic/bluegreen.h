/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blue/green switchover, as mysql.rds_topology tells of it.  Pure: times are of the caller.
 *
 * Two sets of servers: blue is what the names lead to, green is to take them over.  Who asks puts
 * BLUEGREEN_QUERY to the writer of either side, at the pace of bluegreen_pace(), and reports each
 * answer with bluegreen_feed(); the step that comes back says what is to be done.
 */
#ifndef PROBES_BLUEGREEN_H
#define PROBES_BLUEGREEN_H

#include "pace.h"

#include "common/rows.h"

#include <stdbool.h>
#include <stdint.h>

#define BLUEGREEN_TABLE "mysql.rds_topology"
#define BLUEGREEN_QUERY                                                                            \
	"SELECT " PEL_ROLE_COLUMNS ", t.endpoint, t.role, t.status"                                \
	" FROM (SELECT 1 AS one) AS me LEFT JOIN " BLUEGREEN_TABLE " AS t ON TRUE"

#define BLUEGREEN_ROWS (2 * PEL_MAP_INSTANCES + 2)
#define BLUEGREEN_CAP_NS UINT64_C(180000000000) /* nothing is expected later */

enum bluegreen_side { BLUEGREEN_BLUE = 0, BLUEGREEN_GREEN = 1 };

/* What the table says, in the order in which it happens. */
enum bluegreen_status {
	BLUEGREEN_NONE = 0,    /* there is no deployment */
	BLUEGREEN_AVAILABLE,   /* green is there, and follows blue */
	BLUEGREEN_INITIATED,   /* a switchover is to come at any moment */
	BLUEGREEN_IN_PROGRESS, /* blue stops to write, green begins; it may still be rolled back */
	BLUEGREEN_POST,        /* names are being moved */
	BLUEGREEN_COMPLETED,
	BLUEGREEN_ODD, /* a word that nobody knows */
};

/* What is to be done about it. */
enum bluegreen_step {
	BLUEGREEN_IDLE = 0, /* nothing */
	BLUEGREEN_READY,    /* green is found out, and logged in to */
	BLUEGREEN_NEAR,     /* ... and asked often */
	BLUEGREEN_HELD,     /* new connects wait */
	BLUEGREEN_AWAITED,  /* green is waited for, connects are not held */
	BLUEGREEN_SWITCHED, /* the names lead to green, whatever DNS says */
};

struct bluegreen_row {
	char host[PEL_NAME_MAX]; /* in normal form */
	bool green;
	uint8_t status; /* enum bluegreen_status */
};

struct bluegreen_table {
	enum pel_role role; /* of who answered, as topology counts it */
	bool open;          /* it takes writes */
	unsigned n;
	struct bluegreen_row rows[BLUEGREEN_ROWS];
};

struct bluegreen {
	uint8_t step;      /* enum bluegreen_step */
	uint8_t status;    /* the furthest that either side told of this deployment */
	uint8_t told[2];   /* the last, by side */
	bool came;         /* it was seen before it was IN_PROGRESS */
	bool spent;        /* it is over, or came to nothing: its table may be frozen */
	bool blue_shut;    /* blue said last that it takes no writes */
	bool green_shut;   /* ... green did */
	bool green_open;   /* green said last that it takes writes */
	bool opened;       /* ... and that it took none before, and it was IN_PROGRESS by then */
	uint64_t hold_ns;  /* so long connects may be held at most */
	uint64_t begun_ns; /* INITIATED, or IN_PROGRESS once it is; 0: neither */
	uint64_t held_ns;  /* since when connects are held; 0: they never were */
};

/* One answer of the writer of a side. */
struct bluegreen_word {
	enum bluegreen_side side;
	enum bluegreen_status status;
	bool open;
	bool bystander; /* not its side's writer: whether that takes writes it does not say */
};

/* Reads an answer to BLUEGREEN_QUERY.  0; -EPROTO: it is none. */
int bluegreen_read(const struct pel_cells *cells, struct bluegreen_table *ret);

/* What a table says of a side: by the row of its cluster's endpoint, else by its first. */
enum bluegreen_status bluegreen_told(const struct bluegreen_table *table, enum bluegreen_side side);

/* The name that a green host or id is to take over: without "-green-...".  False if it is none. */
bool bluegreen_base(const char *green, char ret[static PEL_NAME_MAX]);

/* Each returns the step of now. */
enum bluegreen_step bluegreen_feed(struct bluegreen *b, const struct bluegreen_word *word,
	uint64_t now_ns);
enum bluegreen_step bluegreen_tick(struct bluegreen *b, uint64_t now_ns);

/* DNS leads to green by itself, or nobody is there: it is over. */
enum bluegreen_step bluegreen_end(struct bluegreen *b);

/* How often the writers of both sides are asked. */
enum pace_kind bluegreen_pace(const struct bluegreen *b);

/* When time alone changes the step; UINT64_MAX: never. */
uint64_t bluegreen_deadline(const struct bluegreen *b);

/* Whether it is later than that in which anything is expected. */
bool bluegreen_is_late(const struct bluegreen *b, uint64_t now_ns);

const char *bluegreen_word_of(enum bluegreen_step step);

#endif
