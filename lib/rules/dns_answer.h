/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of DNS in which a followed name's addresses become its virtual ones, in place and at the same
 * length.  Pure: what comes in may be forged, and is left as it is, byte for byte, unless all of it is plain.
 *
 * Changed are the A and AAAA records of the name that was asked for, at the end of its aliases.  Both
 * kinds always: connect() leads an IPv6 socket to an instance of either family, but an address that was
 * left as it is would lead past us.  An address keeps its lifetime, but an alias gets none, also
 * where it leads to no address of the kind that was asked for: a resolver that remembered it (Netty does)
 * would ask for the instance by itself next time, and go there past us.
 *
 * Left alone: questions, errors, more than one question, any other class or type that was asked for,
 * answers under DNSSEC (signatures, the DO or AD bit) or signed by the server, addresses of somebody
 * else among the answers, and bytes that belong to nothing.
 */
#ifndef PELORUS_LIB_RULES_DNS_ANSWER_H
#define PELORUS_LIB_RULES_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_ANSWER_MIN 28 /* a header, a question for a name of one letter, a record */

struct dns_answer_addresses {
	uint8_t v4[4];
	uint8_t v6[16];
};

/* Asked once, for a name in normal form, when the answer is plain: what to write for it, or false. */
typedef bool dns_answer_find(const char *name, struct dns_answer_addresses *ret, void *context);

/* The quick look: false for almost everything that is no answer.  `n` is at least DNS_ANSWER_MIN. */
static inline bool dns_answer_may_be(const uint8_t *b)
{
	/* An answer to an ordinary question, without an error; one question; at least one record. */
	return (b[2] & 0xf8) == 0x80 && (b[3] & 0x0f) == 0 && b[4] == 0 && b[5] == 1 &&
		(b[6] | b[7]) != 0;
}

/* One message: true if it was changed. */
bool dns_answer_rewrite(uint8_t *bytes, size_t n, dns_answer_find *find, void *context);

/* Whole messages of a stream, each behind its length.  Anything else is left as it is. */
bool dns_answer_rewrite_stream(uint8_t *bytes, size_t n, dns_answer_find *find, void *context);

#endif
