/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question to DNS, and the answer that a followed name gets.  Pure: what comes in may be
 * anything.
 */
#ifndef PELORUS_TRAP_DNS_QUESTION_H
#define PELORUS_TRAP_DNS_QUESTION_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_ANSWER_MAX 320 /* a header, the longest question, one record */

struct dns_question {
	char name[PEL_NAME_MAX]; /* normal form */
	uint16_t type;
	size_t end; /* behind the question */
};

/* True for one plain question for an address, which nobody asked to be signed. */
bool dns_question_read(const uint8_t *bytes, size_t n, struct dns_question *ret);

/* The answer, with an address of the type that was asked for, or with none (NULL); its length. */
size_t dns_question_answer(const uint8_t *bytes, const struct dns_question *q,
	const uint8_t *address, uint8_t ret[static DNS_ANSWER_MAX]);

#endif
