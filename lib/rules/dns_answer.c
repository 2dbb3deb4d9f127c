/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_answer.h"

#include "common/dns_read.h"

#include <string.h>

#define ALIASES 16
#define PLACES 32
#define RECORDS 256
#define FLAG_AD 0x20u         /* of the fourth byte */
#define OPT_DO 0x8000u        /* of OPT's lifetime, which holds flags */
#define OPT_RCODE 0xff000000u /* likewise: the upper part of an error */

struct answer {
	struct pel_dns message;
	char asked[PEL_NAME_MAX];
	size_t records; /* behind the question */
	unsigned n_answers, n_all;
};

struct place {
	size_t at;
	unsigned type; /* of the record: an alias's lifetime is there, or an address */
};

static bool question_read(struct answer *a)
{
	const uint8_t *b = a->message.bytes;
	unsigned type;

	if (a->message.size < DNS_ANSWER_MIN || !dns_answer_may_be(b) || (b[3] & FLAG_AD) ||
		pel_dns_name(&a->message, PEL_DNS_HEADER, a->asked, &a->records) < 0 ||
		a->records + 4 > a->message.size)
		return false;
	type = pel_dns_get16(b + a->records);
	if ((type != PEL_DNS_A && type != PEL_DNS_AAAA) ||
		pel_dns_get16(b + a->records + 2) != PEL_DNS_IN)
		return false;
	a->records += 4;
	a->n_answers = pel_dns_get16(b + 6);
	a->n_all = a->n_answers + pel_dns_get16(b + 8) + pel_dns_get16(b + 10);
	return a->n_all <= RECORDS;
}

/* Whoever asked so, or was answered so, would find out that the answer is not what was signed. */
static bool is_signed(const struct pel_dns_record *r)
{
	return r->type == PEL_DNS_RRSIG || r->type == PEL_DNS_SIG || r->type == PEL_DNS_TSIG ||
		(r->type == PEL_DNS_OPT && (r->ttl_s & (OPT_DO | OPT_RCODE)));
}

/* All records, up to the last byte. */
static bool is_plain(const struct answer *a)
{
	size_t at = a->records;
	struct pel_dns_record r;

	for (unsigned i = 0; i < a->n_all; i++) {
		if (pel_dns_record(&a->message, &at, &r) < 0 || is_signed(&r))
			return false;
	}
	return at == a->message.size;
}

/* The end of the aliases of what was asked for. */
static bool chain_end(const struct answer *a, char ret[static PEL_NAME_MAX])
{
	uint32_t ttl_s;
	int r = 1;

	strcpy(ret, a->asked);
	for (int i = 0; i < ALIASES && r > 0; i++) {
		char owner[PEL_NAME_MAX];

		strcpy(owner, ret);
		r = pel_dns_alias(&a->message, a->records, a->n_answers, owner, ret, &ttl_s);
	}
	return r == 0;
}

/* False for an address of somebody else, or one that is none. */
static bool is_address_of(const struct pel_dns_record *r, const char *owner)
{
	return r->class == PEL_DNS_IN && r->data_size == (r->type == PEL_DNS_A ? 4 : 16) &&
		strcmp(r->owner, owner) == 0;
}

/* Where aliases and the addresses of `owner` are; 0 if there are none, or odd ones. */
static unsigned places_find(const struct answer *a, const char *owner,
	struct place ret[static PLACES])
{
	size_t at = a->records;
	struct pel_dns_record r;
	unsigned n = 0;

	for (unsigned i = 0; i < a->n_answers; i++) {
		bool is_alias;

		if (pel_dns_record(&a->message, &at, &r) < 0)
			return 0;
		is_alias = r.type == PEL_DNS_CNAME;
		if (!is_alias && r.type != PEL_DNS_A && r.type != PEL_DNS_AAAA)
			continue;
		if (n == PLACES || (!is_alias && !is_address_of(&r, owner)))
			return 0;
		ret[n++] = (struct place){.at = is_alias ? r.data - 6 : r.data, .type = r.type};
	}
	return n;
}

/* Nothing is read again once the first byte is changed: a name may point into an address. */
bool dns_answer_rewrite(uint8_t *bytes, size_t n, dns_answer_find *find, void *context)
{
	struct answer a = {.message = {.bytes = bytes, .size = n}};
	struct dns_answer_addresses addresses;
	struct place places[PLACES];
	char owner[PEL_NAME_MAX];
	unsigned found;

	if (!question_read(&a) || !is_plain(&a) || !chain_end(&a, owner))
		return false;
	found = places_find(&a, owner, places);
	if (found == 0 || !find(a.asked, &addresses, context))
		return false;
	for (unsigned i = 0; i < found; i++) {
		uint8_t *to = bytes + places[i].at;

		if (places[i].type == PEL_DNS_CNAME)
			memset(to, 0, 4);
		else if (places[i].type == PEL_DNS_A)
			memcpy(to, addresses.v4, sizeof(addresses.v4));
		else
			memcpy(to, addresses.v6, sizeof(addresses.v6));
	}
	return true;
}

bool dns_answer_rewrite_stream(uint8_t *bytes, size_t n, dns_answer_find *find, void *context)
{
	bool changed = false;
	size_t at = 0;

	while (at + 2 <= n && at + 2 + pel_dns_get16(bytes + at) <= n)
		at += 2 + pel_dns_get16(bytes + at);
	if (at != n)
		return false;
	for (at = 0; at < n; at += 2 + pel_dns_get16(bytes + at))
		changed |= dns_answer_rewrite(bytes + at + 2, pel_dns_get16(bytes + at), find,
			context);
	return changed;
}
