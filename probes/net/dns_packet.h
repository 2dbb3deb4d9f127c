/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages (RFC 1035): questions out, answers in.  Pure; every bound is checked, a pointer may
 * only lead backwards.
 */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_QUESTION_MAX 300
#define DNS_ADDRS 16
#define DNS_CHAIN 8

enum dns_type { DNS_A = 1, DNS_AAAA = 28 };

struct dns_reply {
	unsigned rcode; /* 0: no error, 3: no such name */
	bool truncated; /* ask again over TCP */
	unsigned n_addrs;
	struct pel_addr addrs[DNS_ADDRS];
	uint32_t ttl_s; /* the shortest on the way; UINT32_MAX if there was nothing */
	unsigned n_chain;
	char chain[DNS_CHAIN][PEL_NAME_MAX]; /* targets of CNAME, in order, normal form */
};

/* A question for a name in normal form, recursion desired.  Its size, or -EINVAL. */
int dns_question_write(const char *name, enum dns_type type, uint16_t id,
	uint8_t ret[static DNS_QUESTION_MAX]);

/*
 * Reads an answer to that question.  0, or -EBADMSG for anything that is not one: it may be forged
 * or late, and is to be ignored.
 */
int dns_reply_read(const uint8_t *packet, size_t size, const char *name, enum dns_type type,
	uint16_t id, struct dns_reply *ret);

#endif
