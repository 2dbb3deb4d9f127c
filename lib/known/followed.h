/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that this process follows, and the virtual address that it handed out for each.
 *
 * A binding is made once and never removed: somebody may keep the address for ever.  It outranks
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

#define BIND_MAX 64
#define BIND_EXCLUDED 4

/* What DNS told this process. */
struct bind_dns {
	uint64_t seen_ns; /* 0: never asked */
	uint64_t n;
	struct pel_addr addrs[PEL_MAP_ADDRS]; /* ports are 0 */
};

/* An instance that the prober reaches and this process does not. */
struct bind_excluded {
	_Atomic uint64_t identity;
	_Atomic uint64_t until_ns;
};

struct bind {
	char name[PEL_NAME_MAX]; /* normal form */
	uint64_t hash;
	uint32_t virtual4; /* host order */
	uint8_t virtual6[16];
	char text4[16]; /* the same as text, mapped into IPv6 in `mapped` */
	char mapped[24];
	char text6[48];
	uint8_t role; /* enum pel_role, by form or by PELORUS_CLUSTER; UNKNOWN: the map tells */
	_Atomic uint64_t turn;          /* round robin */
	_Atomic uint64_t first_address; /* of several DNS addresses: which is tried first */
	_Atomic uint32_t told_port;     /* with which the prober was last told of it */
	_Atomic uint64_t followed_ns;   /* when the prober was last told of it */
	_Atomic uint64_t refused_ns;    /* when the prober was last told that its address refuses */
	_Atomic uint64_t waited_ns;     /* the writerless period that was already waited for */
	struct bind_excluded excluded[BIND_EXCLUDED];
	_Atomic uint32_t dns_seq; /* odd while dns is being written */
	struct bind_dns dns;
	_Atomic uint64_t pinned[3]; /* a struct pel_addr: where the name leads without a prober */
};

/* The binding of a name in normal form and of a virtual address (the port is not looked at), or
 * NULL. */
struct bind *bind_find_name(const char *name, uint64_t hash);
struct bind *bind_find_addr(const struct pel_addr *addr);

/*
 * Finds or makes one.  0; -EEXIST if another name has its address, -ENOSPC if there are too many,
 * -EBUSY in a signal handler that interrupted the making of one.
 */
int bind_add(const char *name, uint64_t hash, enum pel_role role, struct bind **ret);

/* All of them: bind_at(0) ... bind_at(bind_count() - 1). */
unsigned bind_count(void);
struct bind *bind_at(unsigned i);
unsigned bind_index(const struct bind *b);

/* What DNS last told this process about the name; a torn or absent answer has n = 0. */
void bind_set_dns(struct bind *b, const struct pel_addr *addrs, unsigned n, uint64_t now_ns);
void bind_get_dns(struct bind *b, struct bind_dns *ret);

/*
 * The instance that a connection of this process found to be the writer, when nobody publishes the
 * topology: it outranks DNS.  NULL takes it back.
 */
void bind_pin(struct bind *b, const struct pel_addr *addr);
bool bind_pinned(const struct bind *b, struct pel_addr *ret);

/* Instances that this process cannot reach: as bits of the instances in `hot`. */
void bind_exclude(struct bind *b, uint64_t identity, uint64_t until_ns);
uint32_t bind_excluded(const struct bind *b, const struct pel_hot *hot, uint64_t now_ns);

#endif
