/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that this process follows, and the virtual address that it handed out for each.
 *
 * A name is added once and never removed: somebody may keep the address for ever.  It outranks
 * the map, in which the name may be missing, or stand elsewhere after a restart of the prober.
 * Reading is free of locks; while another thread makes one, a maker waits the microsecond that it
 * takes: threads that start together look the same name up together.
 */
#ifndef PELORUS_LIB_KNOWN_FOLLOWED_H
#define PELORUS_LIB_KNOWN_FOLLOWED_H

#include <pelorus/map.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define FOLLOWED_MAX 64
#define FOLLOWED_EXCLUDED 4

/* What DNS told this process. */
struct followed_dns {
	uint64_t seen_ns; /* 0: never asked */
	uint64_t n;
	struct pel_addr addrs[PEL_MAP_ADDRS]; /* ports are 0 */
};

/* An instance that the prober reaches and this process does not. */
struct followed_excluded {
	_Atomic uint64_t identity;
	_Atomic uint64_t until_ns;
};

struct followed {
	char name[PEL_NAME_MAX]; /* normal form */
	uint64_t hash;
	uint32_t virtual4; /* host order */
	uint8_t virtual6[16];
	char mapped[24]; /* the same as text, mapped into IPv6; followed_text4() is its end */
	char text6[48];
	uint8_t role; /* enum pel_role, by form or by PELORUS_CLUSTER; UNKNOWN: the map tells */
	_Atomic uint64_t turn;          /* round robin */
	_Atomic uint64_t first_address; /* of several DNS addresses: which is tried first */
	_Atomic uint32_t told_port;     /* with which the prober was last told of it */
	_Atomic uint32_t asked_port;    /* with which the watcher is to tell it; 0: not at all */
	_Atomic uint64_t followed_ns;   /* when the prober was last told of it */
	_Atomic uint64_t refused_ns;    /* when the prober was last told that its address refuses */
	_Atomic uint64_t released_ns;   /* when a crowd began to come back: severed, or let go */
	struct followed_excluded excluded[FOLLOWED_EXCLUDED];
	_Atomic uint32_t dns_seq; /* odd while dns is being written */
	struct followed_dns dns;
	_Atomic uint64_t pinned[3]; /* a struct pel_addr: where the name leads without a prober */
};

static inline const char *followed_text4(const struct followed *f)
{
	return f->mapped + sizeof("::ffff:") - 1;
}

/* By a name in normal form, and by a virtual address (the port is not looked at); or NULL. */
struct followed *followed_find_name(const char *name, uint64_t hash);
struct followed *followed_find_addr(const struct pel_addr *addr);

/*
 * Finds or makes one.  0; -EEXIST if another name has its address, -ENOSPC if there are too many,
 * -EBUSY if another thread takes too long to make one.
 */
int followed_add(const char *name, uint64_t hash, enum pel_role role, struct followed **ret);

/* All of them: followed_at(0) ... followed_at(followed_count() - 1). */
unsigned followed_count(void);
struct followed *followed_at(unsigned i);
unsigned followed_index(const struct followed *f);

/* What DNS last told this process about the name; a torn or absent answer has n = 0. */
void followed_set_dns(struct followed *f, const struct pel_addr *addrs, unsigned n,
	uint64_t now_ns);
void followed_get_dns(struct followed *f, struct followed_dns *ret);

/*
 * The name, of those whose lookups this process lets DNS answer, that an address was told for last; a
 * load where there is none.
 */
extern _Atomic bool followed_by_dns; /* there may be */
struct followed *followed_find_dns(const struct pel_addr *addr);

/*
 * The instance that a connection of this process found to be the writer, when nobody publishes the
 * topology: it outranks DNS.  NULL takes it back.
 */
void followed_pin(struct followed *f, const struct pel_addr *addr);
bool followed_pinned(const struct followed *f, struct pel_addr *ret);

/* True if the name is pinned to the address (its port is not looked at). */
bool followed_is_pinned_to(const struct followed *f, const struct pel_addr *addr);

/* A connect to the address failed: what leads there is forgotten.  True if something did. */
bool followed_unpin(struct followed *f, const struct pel_addr *addr);

/* Instances that this process cannot reach: as bits of the instances in `hot`. */
void followed_exclude(struct followed *f, uint64_t identity, uint64_t until_ns);
uint32_t followed_excluded(const struct followed *f, const struct pel_hot *hot, uint64_t now_ns);

#endif
