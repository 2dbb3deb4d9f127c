/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted: how often things are asked, and how true that is what is published. */
#ifndef WATCH_H
#define WATCH_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define RATE_KEPT 128

/* The times of the last so many events. */
struct rate {
	uint64_t at[RATE_KEPT];
	unsigned n;
};

void rate_add(struct rate *r, uint64_t now_ns);
/* Of those that are kept, how many were not longer ago than that. */
unsigned rate_within(const struct rate *r, uint64_t now_ns, uint64_t span_ns);

/* The worst that was seen of each, and where. */
enum figure {
	FIGURE_DNS_SIX,        /* look-ups of a name within 6 s */
	FIGURE_DNS_ONE,        /* ... within 1 s */
	FIGURE_ASKS_ONE,       /* questions to a server within 1 s */
	FIGURE_ASKS_TIRED,     /* ... within 10 s, when nothing has changed for long */
	FIGURE_ASKS_CALM,      /* ... within 10 s, when all has been well for long */
	FIGURE_DIALS_ONE,      /* connections to a server within 1 s that its kernel accepted */
	FIGURE_DIALS_TIRED,    /* ... within 10 s, when nothing has changed for long */
	FIGURE_SYNS_ONE,       /* ... within 1 s, accepted or not */
	FIGURE_FAILURES,       /* logins at a server that failed within 60 s */
	FIGURE_FAILURES_TIRED, /* ... from the tenth minute on */
	FIGURE_WRITERS,        /* in one record */
	FIGURE_UNCLAIMED,      /* writers published against the newest claim */
	FIGURE_RECANTED,       /* ms that one was left published after it said otherwise */
	FIGURE_CHANGES,        /* of the published writer within 10 s, beyond the true ones */
	FIGURE_RECOVERY,       /* ms from the end of all evil until the right writer is published */
	FIGURE_UNRECOVERED,    /* names that did not get there */
	FIGURE_GAP,            /* ms between two questions to a server in a cluster that is well */
	FIGURE_MATE_GAP,       /* ... to one that is well itself */
	FIGURE_DELAY,          /* ms until the new writer of a good cluster is published */
	FIGURE_SPINS,          /* rounds of the loop within 10 ms */
	FIGURE_LEFT,           /* connections and queries left at the end */
	FIGURES,
};

struct figures {
	unsigned worst[FIGURES];
	char where[FIGURES][PEL_ID_MAX];
};

struct server;
struct name;

/* What was last seen of a record. */
struct seen {
	uint32_t seq;
	uint64_t uid;
	const struct server *writer; /* NULL: none is published */
	const struct server *last;   /* the last that was */
	uint64_t recanted_ns;        /* since when the published writer says that it is none; 0 */
	struct rate changes;
};

struct watch {
	struct figures figures;
	const struct pel_map *map;
	struct seen seen[PEL_MAP_CLUSTERS];
	uint64_t spin_ns;
	unsigned spins;
};

/* After each round of the loop. */
void watch_look(void);
/* Of those who are asked no more, nobody tells otherwise. */
void watch_gaps(void);
/* How many followed names do not lead to the writer that they should; the first of them. */
unsigned watch_wrong_names(char ret_first[static PEL_ID_MAX]);

/* Among the lines of the engine's log, where it is shown. */
void watch_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
void watch_note(enum figure figure, uint64_t value, const char *where);
void watch_dns(struct name *n);
void watch_ask(struct server *s, bool greeting);
void watch_syn(struct server *s);
void watch_accept(struct server *s);
void watch_failure(struct server *s);
void watch_said(struct server *s, enum pel_role role, struct server *names_writer,
	uint64_t asked_ns);

#endif
