/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Severing: whether a routed socket must end now that the topology has moved.
 *
 * Pure, like route.h.  A socket is severed only on evidence: doubt keeps it.  What a record
 * needs is written once, before connect(), and never changes but for `uid`, which the caller sets
 * anew when the name's record did (a restarted prober numbers its records afresh).
 */
#ifndef PELORUS_LIB_RULES_SEVER_H
#define PELORUS_LIB_RULES_SEVER_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

struct tcp_info;

enum sever_mode {
	SEVER_SAFE = 0, /* what is surely wrong: writers', and any on an unreachable instance */
	SEVER_ALL = 1,  /* also what merely ceased to be where its role says */
	SEVER_OFF = 2,
};

enum sever_reason {
	SEVER_NOT = 0,      /* keep: all is well, or nothing is known against it */
	SEVER_NOT_SWITCHED, /* keep: PELORUS_SEVER=off */
	SEVER_NOT_OURS,     /* keep: another cluster's record */
	SEVER_NOT_KNOWN,    /* keep: the topology is not known now */
	SEVER_NOT_A_MEMBER, /* keep: its address is no member's, and DNS led there */
	SEVER_UNREACHABLE,  /* sever: instance declared unreachable */
	SEVER_SAYS_READER,  /* sever: a writer's socket on what says that it is a reader */
	SEVER_NOT_WRITER,   /* sever: ... on an instance that is no longer the writer */
	SEVER_MADE_WRONG,   /* sever: ... made under an unknown topology, on a wrong member */
	SEVER_GONE,         /* sever: ... on an instance that left the cluster */
	SEVER_DNS_MOVED,    /* sever: ... where only DNS is known, and it has moved for good */
	SEVER_PROMOTED,     /* sever, all: a reader's socket on the new writer */
	SEVER_REPLACED,     /* sever, all: another instance has the address */
};
#define SEVER_FIRST SEVER_UNREACHABLE /* this reason and all behind it sever: enum pel_severed */

struct sever_socket {
	uint64_t uid;         /* pel_hot.uid of the cluster */
	uint64_t identity;    /* of the instance routed to; 0: DNS led there */
	struct pel_addr real; /* where connect() really went */
	uint8_t role; /* enum pel_role behind the name; UNKNOWN: more than one name, health alone */
	uint8_t name; /* index in pel_hot.names, as of `uid` */
};

enum sever_reason sever_decide(const struct pel_hot *hot, const struct sever_socket *socket,
	enum sever_mode mode, bool fresh, uint64_t now_ns);

/*
 * Whether the server had the last word, by what the kernel tells: so many ms ago something was sent, some
 * was received, and the peer acknowledged.  What was sent at once behind an answer has its time, for the
 * kernel's clock has steps of up to 10 ms; then a later acknowledgement is of a question, or of a
 * keepalive probe, which cannot be told apart: doubt waits.
 */
bool sever_is_answered(uint32_t sent_ms, uint32_t received_ms, uint32_t acknowledged_ms);

/*
 * Whether nothing is under way on a connection: neither sent, nor asked and not answered, nor answered just
 * now.  What has come and was not read is for who asks.
 */
bool sever_is_idle(const struct tcp_info *info);

/* The instance at an address, or PEL_NONE: by address and port, else by an address of one alone. */
unsigned sever_find_instance(const struct pel_hot *hot, const struct pel_addr *real);

#endif
