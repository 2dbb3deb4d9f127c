/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_read.h"

#include "names.h"

#include <errno.h>
#include <string.h>

#define POINTERS 32

/* Each pointer leads before the place where the last one led, and there are not many. */
int pel_dns_name(const struct pel_dns *p, size_t at, char ret[static PEL_NAME_MAX], size_t *ret_end)
{
	char text[PEL_NAME_MAX];
	size_t n = 0, before = at;
	unsigned jumps = 0;

	for (;;) {
		unsigned length;

		if (at >= p->size)
			return -EBADMSG;
		length = p->bytes[at];
		if (length >= 0xc0) {
			if (at + 1 >= p->size || jumps == POINTERS ||
				(pel_dns_get16(p->bytes + at) & 0x3fff) >= before)
				return -EBADMSG;
			if (jumps++ == 0)
				*ret_end = at + 2;
			at = before = pel_dns_get16(p->bytes + at) & 0x3fff;
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
	if (jumps == 0)
		*ret_end = at + 1;
	text[n] = '\0';
	return pel_name_normalise(text, ret) < 0 ? -EINVAL : 0;
}

int pel_dns_record(const struct pel_dns *p, size_t *at, struct pel_dns_record *ret)
{
	/* A name that no host can have (a root, say) does not spoil the records beside it. */
	int r = pel_dns_name(p, *at, ret->owner, at);
	const uint8_t *b = p->bytes;

	if (r == -EINVAL)
		ret->owner[0] = '\0';
	else if (r < 0)
		return r;
	if (*at + 10 > p->size)
		return -EBADMSG;
	ret->type = (uint16_t)pel_dns_get16(b + *at);
	ret->class = (uint16_t)pel_dns_get16(b + *at + 2);
	ret->ttl_s = (uint32_t)pel_dns_get16(b + *at + 4) << 16 | pel_dns_get16(b + *at + 6);
	ret->data = *at + 10;
	ret->data_size = pel_dns_get16(b + *at + 8);
	if (ret->data + ret->data_size > p->size)
		return -EBADMSG;
	*at = ret->data + ret->data_size;
	return 0;
}

int pel_dns_alias(const struct pel_dns *p, size_t at, unsigned count, const char *owner,
	char ret[static PEL_NAME_MAX], uint32_t *ret_ttl_s)
{
	struct pel_dns_record rec;
	size_t end;

	for (unsigned i = 0; i < count; i++) {
		if (pel_dns_record(p, &at, &rec) < 0)
			return -EBADMSG;
		if (rec.type != PEL_DNS_CNAME || rec.class != PEL_DNS_IN ||
			strcmp(rec.owner, owner) != 0)
			continue;
		*ret_ttl_s = rec.ttl_s;
		return pel_dns_name(p, rec.data, ret, &end) < 0 ? -EBADMSG : 1;
	}
	return 0;
}
