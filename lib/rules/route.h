/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing: what a cluster's topology and the intent behind a name make of one connection.
 *
 * Pure: no I/O, no clock, no allocation, no state.  The caller copies the topology out of the map
 * (pel_map_read_hot), states what it wants, and acts on the verdict; an instance that it then cannot
 * reach it adds to `excluded` and asks again.
 */
#ifndef PELORUS_LIB_RULES_ROUTE_H
#define PELORUS_LIB_RULES_ROUTE_H

#include <pelorus/map.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ROUTE_FAMILY4 PEL_INST_HAS4
#define ROUTE_FAMILY6 PEL_INST_HAS6
#define ROUTE_HOLD_NS UINT64_C(30000000000) /* where the cluster says nothing of it, or 0 */

enum route_verdict {
	ROUTE_DNS = 0,  /* names[].addrs, else what this process saw when it resolved the name */
	ROUTE_INSTANCE, /* instances[instance] */
	ROUTE_WAIT,     /* between two writers: wait within the caller's bounds, else refuse */
	ROUTE_REFUSE,   /* ECONNREFUSED: the configuration wants no other instance */
};

/* Why; stable, for messages and counters. */
enum route_reason {
	ROUTE_BY_ROLE = 0,   /* INSTANCE: the writer of a writer name, a reader of a reader name */
	ROUTE_BY_MEMBERS,    /* INSTANCE: a member of a custom endpoint */
	ROUTE_LAGGED_READER, /* INSTANCE: all lag, this one least */
	ROUTE_LAGGED_TO_WRITER, /* INSTANCE: all lag, reader-fallback = writer */
	ROUTE_NO_READER,  /* INSTANCE: the writer, for there is no reader; WAIT: for either; DNS */
	ROUTE_ALL_LAGGED, /* REFUSE: all lag, reader-fallback = refuse */
	ROUTE_BETWEEN_WRITERS, /* WAIT: no writer is known */
	ROUTE_WRITER_RECANTS,  /* WAIT: the writer says of itself that it is a reader */
	ROUTE_WRITER_LOST,     /* WAIT: the writer is unreachable, no other is known yet */
	ROUTE_STALE,           /* DNS: no prober's heartbeat */
	ROUTE_UNKNOWN,         /* DNS: the topology is not known; pel_hot.why says why */
	ROUTE_DNS_ONLY,        /* DNS: no credentials */
	ROUTE_WRITERLESS_LONG, /* DNS: no writer for longer than connects wait */
	ROUTE_UNROUTABLE,      /* DNS: the prober never logged in there directly */
	ROUTE_EXCLUDED,        /* DNS: this process cannot reach it directly */
	ROUTE_NO_FAMILY,       /* DNS: no address of a family that the socket can use */
	ROUTE_NO_MEMBER,       /* DNS: no member of the custom endpoint can take it */
	ROUTE_NO_WRITER,       /* DNS: readers alone, and no writer is awaited */
	ROUTE_BAD_INTENT,      /* DNS: the intent names nothing in this cluster */
	ROUTE_OBSERVED,        /* DNS: the name is only observed */
	ROUTE_SWITCHED_OFF,    /* DNS: the name is switched off */
};

struct route_intent {
	uint8_t role;      /* enum pel_role: WRITER, READER or CUSTOM */
	uint8_t name;      /* index in pel_hot.names; looked at for CUSTOM only */
	bool fresh;        /* pel_map_is_fresh() */
	uint16_t families; /* ROUTE_FAMILY*: what the socket can connect to */
	uint32_t excluded; /* bit i: instance i is out of question for this process or connection */
	uint64_t now_ns;
	uint64_t random; /* fresh for each question: route_random_next() */
	uint64_t turn;   /* round robin: moves by one with each question, starts at random */
};

struct route {
	enum route_verdict verdict;
	enum route_reason reason;
	uint8_t instance; /* PEL_NONE unless ROUTE_INSTANCE */
};

struct route route_choose(const struct pel_hot *hot, const struct route_intent *intent);

/* Of a reason, one that never changes: "by-role". */
const char *route_word(enum route_reason reason);

/* Of a name that is only observed: what would have become of a connect that went to `real`. */
enum route_difference {
	ROUTE_SAME = 0,  /* it is where it had been led to, or DNS had led it there too */
	ROUTE_ELSEWHERE, /* it had gone to another instance */
	ROUTE_WRONG,     /* the same of a writer's name: it is at what is not the writer */
	ROUTE_HELD,      /* it had waited for a writer */
};
enum route_difference route_difference(const struct route *would, uint8_t role,
	const struct pel_addr *would_go, const struct pel_addr *real);

/* True while connections follow DNS for every role: no topology, or no writer for too long. */
bool route_is_unknown(const struct pel_hot *hot, bool fresh, uint64_t now_ns);

/* True for a set of readers alone: a writer is neither known nor awaited. */
bool route_is_readers_alone(const struct pel_hot *hot);

/*
 * The address to connect to: of the wanted families IPv4 first.  The cluster's port becomes the
 * instance's, any other is kept.  `name` is the index of the name asked for; one out of range means
 * that it has no port of its own.  False if the instance has no such address.
 */
bool route_address(const struct pel_hot *hot, unsigned instance, unsigned name, uint16_t families,
	uint16_t asked_port, struct pel_addr *ret);

/*
 * Randomness that spreads processes which start at the same instant, without libc's rand and its
 * lock.  `exec_entropy` is AT_RANDOM's first word (or an address, where the kernel gives none); a
 * forked child must seed again, for it shares everything but its pid.  Next is safe from any thread.
 */
uint64_t route_random_seed(uint64_t exec_entropy, uint64_t pid, uint64_t now_ns);
uint64_t route_random_next(_Atomic uint64_t *state);

#endif
