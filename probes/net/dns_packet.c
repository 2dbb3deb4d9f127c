/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035): questions out, answers in. */
#include "dns_packet.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

#define HEADER 12
#define TYPE_CNAME 5
#define CLASS_IN 1
#define FLAG_QR 0x8000u
#define FLAG_TC 0x0200u
#define FLAG_RD 0x0100u

struct dns_packet {
	const uint8_t *bytes;
	size_t size;
};

struct dns_record {
	char owner[PEL_NAME_MAX];
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	size_t data;
	size_t data_size;
};

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

int dns_question_write(const char *name, enum dns_type type, uint16_t id,
	uint8_t ret[static DNS_QUESTION_MAX])
{
	size_t at = HEADER;

	if (strlen(name) > 253)
		return -EINVAL;
	memset(ret, 0, HEADER);
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
	put16(ret + at + 2, CLASS_IN);
	return (int)(at + 4);
}

/*
 * A name at `at`, in normal form; *ret_end is behind it.  Each pointer leads before the place where
 * the last one led, so that this ends.
 */
static int name_read(const struct dns_packet *p, size_t at, char ret[static PEL_NAME_MAX],
	size_t *ret_end)
{
	char text[PEL_NAME_MAX];
	size_t n = 0, before = at;
	bool jumped = false;

	for (;;) {
		unsigned length;

		if (at >= p->size)
			return -EBADMSG;
		length = p->bytes[at];
		if (length >= 0xc0) {
			if (at + 1 >= p->size || (get16(p->bytes + at) & 0x3fff) >= before)
				return -EBADMSG;
			if (!jumped)
				*ret_end = at + 2;
			jumped = true;
			at = before = get16(p->bytes + at) & 0x3fff;
			continue;
		}
		if (length == 0)
			break;
		if (length > 63 || at + 1 + length > p->size || n + length + 2 > sizeof(text) ||
			memchr(p->bytes + at + 1, '.', length) ||
			memchr(p->bytes + at + 1, '\0', length))
			return -EBADMSG;
		memcpy(text + n, p->bytes + at + 1, length);
		n += length;
		text[n++] = '.';
		at += 1 + length;
	}
	if (!jumped)
		*ret_end = at + 1;
	text[n] = '\0';
	return pel_name_normalise(text, ret) < 0 ? -EINVAL : 0;
}

static int record_read(const struct dns_packet *p, size_t *at, struct dns_record *ret)
{
	/* A name that no host can have (a root, say) does not spoil the records beside it. */
	int r = name_read(p, *at, ret->owner, at);
	const uint8_t *b = p->bytes;

	if (r == -EINVAL)
		ret->owner[0] = '\0';
	else if (r < 0)
		return r;
	if (*at + 10 > p->size)
		return -EBADMSG;
	ret->type = (uint16_t)get16(b + *at);
	ret->class = (uint16_t)get16(b + *at + 2);
	ret->ttl_s = (uint32_t)get16(b + *at + 4) << 16 | get16(b + *at + 6);
	if (ret->ttl_s > INT32_MAX)
		ret->ttl_s = 0;
	ret->data = *at + 10;
	ret->data_size = get16(b + *at + 8);
	if (ret->data + ret->data_size > p->size)
		return -EBADMSG;
	*at = ret->data + ret->data_size;
	return 0;
}

static int question_check(const struct dns_packet *p, const char *name, enum dns_type type,
	uint16_t id, size_t *ret_end)
{
	char asked[PEL_NAME_MAX];

	if (p->size < HEADER || get16(p->bytes) != id || !(get16(p->bytes + 2) & FLAG_QR) ||
		get16(p->bytes + 4) != 1)
		return -EBADMSG;
	if (name_read(p, HEADER, asked, ret_end) < 0 || *ret_end + 4 > p->size)
		return -EBADMSG;
	if (strcmp(asked, name) != 0 || get16(p->bytes + *ret_end) != (unsigned)type ||
		get16(p->bytes + *ret_end + 2) != CLASS_IN)
		return -EBADMSG;
	*ret_end += 4;
	return 0;
}

/* The alias of `owner` among the answers; 1 if there is one, 0 if not, -EBADMSG. */
static int alias_find(const struct dns_packet *p, size_t at, unsigned count, const char *owner,
	struct dns_reply *reply)
{
	struct dns_record rec;
	size_t end;

	for (unsigned i = 0; i < count; i++) {
		int r = record_read(p, &at, &rec);

		if (r < 0)
			return r;
		if (rec.type != TYPE_CNAME || rec.class != CLASS_IN ||
			strcmp(rec.owner, owner) != 0)
			continue;
		if (reply->n_chain == DNS_CHAIN ||
			name_read(p, rec.data, reply->chain[reply->n_chain], &end) < 0)
			return -EBADMSG;
		reply->n_chain++;
		if (rec.ttl_s < reply->ttl_s)
			reply->ttl_s = rec.ttl_s;
		return 1;
	}
	return 0;
}

static int addresses_find(const struct dns_packet *p, size_t at, unsigned count, const char *owner,
	enum dns_type type, struct dns_reply *reply)
{
	size_t size = type == DNS_A ? 4 : 16;
	struct dns_record rec;

	for (unsigned i = 0; i < count; i++) {
		struct pel_addr *addr = &reply->addrs[reply->n_addrs];
		int r = record_read(p, &at, &rec);

		if (r < 0)
			return r;
		if (rec.type != type || rec.class != CLASS_IN || rec.data_size != size ||
			strcmp(rec.owner, owner) != 0 || reply->n_addrs == DNS_ADDRS)
			continue;
		*addr = (struct pel_addr){.family = type == DNS_A ? 4 : 6};
		memcpy(addr->ip, p->bytes + rec.data, size);
		reply->n_addrs++;
		if (rec.ttl_s < reply->ttl_s)
			reply->ttl_s = rec.ttl_s;
	}
	return 0;
}

int dns_reply_read(const uint8_t *packet, size_t size, const char *name, enum dns_type type,
	uint16_t id, struct dns_reply *ret)
{
	const struct dns_packet p = {.bytes = packet, .size = size};
	struct dns_reply reply = {.ttl_s = UINT32_MAX};
	size_t at;
	unsigned count;
	int r = question_check(&p, name, type, id, &at);

	if (r < 0)
		return r;
	reply.rcode = packet[3] & 0x0f;
	reply.truncated = (get16(packet + 2) & FLAG_TC) != 0;
	count = get16(packet + 6);
	if (reply.rcode == 0 && !reply.truncated) {
		const char *owner = name;

		while ((r = alias_find(&p, at, count, owner, &reply)) > 0)
			owner = reply.chain[reply.n_chain - 1];
		if (r == 0)
			r = addresses_find(&p, at, count, owner, type, &reply);
		if (r < 0)
			return r;
	}
	*ret = reply;
	return 0;
}
