/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lookup of a name means to us: nothing, for most; else the virtual address to answer with.
 *
 * With a known topology no question is asked at all.  With an unknown one DNS is asked as without
 * us, and what it says is remembered for connect(); if it fails, the program is told so.  With no
 * map, and nobody who might publish one, what DNS said is the answer: a program that dials past libc
 * would find nobody at a virtual address.
 */
#ifndef PELORUS_LIB_NAMES_LOOKUP_H
#define PELORUS_LIB_NAMES_LOOKUP_H

#include "known/followed.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

struct lookup {
	struct followed *followed;
	bool known;           /* answer() may be called without asking DNS */
	bool is_backed;       /* somebody leads connects to a virtual address on, or will */
	enum pel_mode mode;   /* not ACTIVE: what DNS says is the answer */
	bool is_go;           /* the program dials by itself: give it the real address */
	uint16_t families;    /* PEL_INST_HAS4, _HAS6: what the cluster is known to have */
	struct pel_addr real; /* where the name leads now; family 0: not known */
};

/* True if the name is followed: it has its address, its prober is told, its first word waited for. */
bool lookup_begin(const char *node, uint16_t port, struct lookup *ret);

/* Remembers an answer of DNS. */
void lookup_learn(struct lookup *l, const struct pel_addr *addrs, unsigned n);

/*
 * The address to answer a request of `family` (AF_*) with, as text for the real function; NULL if
 * the cluster has nothing of that family (`mapped`: IPv4 in the form of IPv6 will do), or nobody
 * stands behind a virtual address.  It is valid for ever, but in a Go program, where it lies in `buf`.
 */
const char *lookup_answer(const struct lookup *l, int family, bool mapped, char buf[static 64]);

/*
 * An answer of DNS has come in for a name in normal form: whose virtual address is to stand in it, or
 * NULL: only while a prober lives and says where the name leads.  It waits for nothing.  `vouched`: the
 * kernel lets nobody but the nameserver send to the socket.  Anybody may send to any other: for what comes that
 * way no name becomes followed, and no prober is told of it, unless it is known by more than its form.
 */
const struct followed *lookup_received(const char *name, bool vouched);

/* The name of a virtual address that was handed out, or NULL. */
const char *lookup_name_of(const struct pel_addr *addr);

/* An answer of DNS to any other name: where the block's addresses are somebody's, it is not ours. */
void lookup_heed(const char *node, const struct addrinfo *list);

/* Reads the main program's notes: Go's dial by raw system calls.  Once, in the constructor. */
void lookup_init(void);

#endif
