/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035): questions out, answers in. */
#include "dns_packet.h"

#include "common/dns_read.h"

#include <errno.h>
#include <string.h>

#define FLAG_RD 0x0100u

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

int dns_question_write(const char *name, enum dns_type type, uint16_t id,
	uint8_t ret[static DNS_QUESTION_MAX])
{
	size_t at = PEL_DNS_HEADER;

	if (strlen(name) > 253)
		return -EINVAL;
	memset(ret, 0, PEL_DNS_HEADER);
	put16(ret, id);
	put16(ret + 2, FLAG_RD);
	put16(ret + 4, 1);
	while (*name) {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > 63)
			return -EINVAL;
		ret[at++] = (uint8_t)n;
		memcpy(ret + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	ret[at++] = 0;
	put16(ret + at, type);
	put16(ret + at + 2, PEL_DNS_IN);
	return (int)(at + 4);
}

static int question_check(const struct pel_dns *p, const char *name, enum dns_type type,
	uint16_t id, size_t *ret_end)
{
	char asked[PEL_NAME_MAX];

	if (p->size < PEL_DNS_HEADER || pel_dns_get16(p->bytes) != id ||
		!(pel_dns_get16(p->bytes + 2) & PEL_DNS_QR) || pel_dns_get16(p->bytes + 4) != 1)
		return -EBADMSG;
	if (pel_dns_name(p, PEL_DNS_HEADER, asked, ret_end) < 0 || *ret_end + 4 > p->size)
		return -EBADMSG;
	if (strcmp(asked, name) != 0 || pel_dns_get16(p->bytes + *ret_end) != (unsigned)type ||
		pel_dns_get16(p->bytes + *ret_end + 2) != PEL_DNS_IN)
		return -EBADMSG;
	*ret_end += 4;
	return 0;
}

/* A lifetime with its highest bit set is none (RFC 2181). */
static void shorten(struct dns_reply *reply, uint32_t ttl_s)
{
	if (ttl_s > INT32_MAX)
		ttl_s = 0;
	if (ttl_s < reply->ttl_s)
		reply->ttl_s = ttl_s;
}

/* Follows the aliases of `name` among the answers; the last of them, or NULL. */
static const char *chain_find(const struct pel_dns *p, size_t at, unsigned count, const char *name,
	struct dns_reply *reply)
{
	char target[PEL_NAME_MAX];
	uint32_t ttl_s;
	int r;

	while ((r = pel_dns_alias(p, at, count, name, target, &ttl_s)) > 0) {
		if (reply->n_chain == DNS_CHAIN)
			return NULL;
		shorten(reply, ttl_s);
		name = strcpy(reply->chain[reply->n_chain++], target);
	}
	return r == 0 ? name : NULL;
}

static int addresses_find(const struct pel_dns *p, size_t at, unsigned count, const char *owner,
	enum dns_type type, struct dns_reply *reply)
{
	size_t size = type == DNS_A ? 4 : 16;
	struct pel_dns_record rec;

	for (unsigned i = 0; i < count; i++) {
		struct pel_addr *addr = &reply->addrs[reply->n_addrs];
		int r = pel_dns_record(p, &at, &rec);

		if (r < 0)
			return r;
		if (rec.type != type || rec.class != PEL_DNS_IN || rec.data_size != size ||
			strcmp(rec.owner, owner) != 0 || reply->n_addrs == DNS_ADDRS)
			continue;
		*addr = (struct pel_addr){.family = type == DNS_A ? 4 : 6};
		memcpy(addr->ip, p->bytes + rec.data, size);
		reply->n_addrs++;
		shorten(reply, rec.ttl_s);
	}
	return 0;
}

int dns_reply_read(const uint8_t *packet, size_t size, const char *name, enum dns_type type,
	uint16_t id, struct dns_reply *ret)
{
	const struct pel_dns p = {.bytes = packet, .size = size};
	struct dns_reply reply = {.ttl_s = UINT32_MAX};
	size_t at;
	unsigned count;
	int r = question_check(&p, name, type, id, &at);

	if (r < 0)
		return r;
	reply.rcode = packet[3] & 0x0f;
	reply.truncated = (pel_dns_get16(packet + 2) & PEL_DNS_TC) != 0;
	count = pel_dns_get16(packet + 6);
	if (reply.rcode == 0 && !reply.truncated) {
		const char *owner = chain_find(&p, at, count, name, &reply);

		if (!owner || addresses_find(&p, at, count, owner, type, &reply) < 0)
			return -EBADMSG;
	}
	*ret = reply;
	return 0;
}
