/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_question.h"

#include "common/dns_read.h"

#include <string.h>

#define FLAGS_REST 0x78u /* of the third byte: an opcode other than a question's */
#define FLAG_QR 0x80u    /* of the third byte: an answer */
#define FLAG_RA 0x80u    /* of the fourth: without it Go takes an empty answer for a referral */
#define OPT_DO 0x8000u
#define RECORDS 4 /* behind a question: EDNS, and whatever else */

/* Whoever wants signatures would find out that ours is none. */
static bool wants_signatures(const struct pel_dns *p, size_t at, unsigned n)
{
	struct pel_dns_record r;

	for (unsigned i = 0; i < n; i++) {
		if (pel_dns_record(p, &at, &r) < 0 || r.type == PEL_DNS_TSIG ||
			r.type == PEL_DNS_SIG || (r.type == PEL_DNS_OPT && (r.ttl_s & OPT_DO)))
			return true;
	}
	return at != p->size;
}

bool dns_question_read(const uint8_t *bytes, size_t n, struct dns_question *ret)
{
	const struct pel_dns p = {.bytes = bytes, .size = n};
	size_t end;

	if (n < PEL_DNS_HEADER || (bytes[2] & (FLAG_QR | FLAGS_REST)) ||
		pel_dns_get16(bytes + 4) != 1 || pel_dns_get16(bytes + 6) != 0 ||
		pel_dns_get16(bytes + 8) != 0 || pel_dns_get16(bytes + 10) > RECORDS ||
		pel_dns_name(&p, PEL_DNS_HEADER, ret->name, &end) < 0 || end + 4 > n)
		return false;
	ret->type = (uint16_t)pel_dns_get16(bytes + end);
	ret->end = end + 4;
	return (ret->type == PEL_DNS_A || ret->type == PEL_DNS_AAAA) &&
		pel_dns_get16(bytes + end + 2) == PEL_DNS_IN &&
		ret->end - PEL_DNS_HEADER <= DNS_ANSWER_MAX - PEL_DNS_HEADER - 28 &&
		!wants_signatures(&p, ret->end, pel_dns_get16(bytes + 10));
}

size_t dns_question_answer(const uint8_t *bytes, const struct dns_question *q,
	const uint8_t *address, uint8_t ret[static DNS_ANSWER_MAX])
{
	const uint8_t size = q->type == PEL_DNS_A ? 4 : 16;
	/* Its name is the question's; it lives for a second. */
	const uint8_t record[] = {0xc0, PEL_DNS_HEADER, 0, (uint8_t)q->type, 0, PEL_DNS_IN, 0, 0, 0,
		1, 0, size};
	size_t n = q->end;

	memcpy(ret, bytes, n);
	ret[2] = (uint8_t)(FLAG_QR | (bytes[2] & 1));
	ret[3] = FLAG_RA;
	memset(ret + 6, 0, 6);
	if (!address)
		return n;
	ret[7] = 1;
	memcpy(ret + n, record, sizeof(record));
	memcpy(ret + n + sizeof(record), address, size);
	return n + sizeof(record) + size;
}
