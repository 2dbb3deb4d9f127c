/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, by DNS questions of our own on the loop: with their CNAME chain and TTL,
 * which libc's resolver hides, and never waiting.
 *
 * The servers and the search list are those of resolv.conf, which is read again when it changes;
 * names in /etc/hosts come first, but for their own virtual addresses, which are there for programs
 * (`pelorus hosts`).  A and AAAA are asked together.  Nothing is cached: the caller
 * decides how often it asks.  Who asks for a name that is being asked for gets the same answer; what
 * goes to the servers waits its turn where that is too often (dns_pace.h).
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "dns_packet.h"
#include "base/loop.h"

#define RESOLVE_ADDRS 16

struct resolver;
struct resolve_query;

struct resolver_options {
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	const char *hosts;       /* NULL: /etc/hosts */
	uint32_t vnet4;          /* the blocks of virtual addresses; no bits: none */
	uint8_t vnet4_bits;
	uint8_t vnet6_bits;
	uint8_t vnet6[16];
};

struct resolve_answer {
	int status; /* 0; -ENOENT: no such name or no address; -EIO: servers failed; -ETIMEDOUT */
	bool heard; /* a server said something, if only that it failed */
	unsigned n_addrs;
	struct pel_addr addrs[RESOLVE_ADDRS]; /* IPv4 first, each in the server's order; no port */
	uint32_t ttl_ms;
	unsigned n_chain;
	char chain[DNS_CHAIN][PEL_NAME_MAX];
};

int resolver_new(struct loop *loop, const struct resolver_options *options, struct resolver **ret);
/* All queries must have ended or been cancelled. */
void resolver_free(struct resolver *r);

/*
 * Asks for a name in normal form or a numeric address; `done` is called once, from the loop, and
 * the query is gone after it.  0 or -errno.
 */
int resolve_start(struct resolver *r, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct resolve_query **ret);

/* Ends a query without an answer; not from within its own `done`.  NULL is ignored. */
void resolve_cancel(struct resolve_query *q);

#endif
