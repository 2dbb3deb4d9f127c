/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include "address.h"
#include "common/names.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

static struct block block = {.net4 = PEL_VNET4,
	.bits4 = PEL_VNET4_BITS,
	.bits6 = PEL_VNET6_BITS,
	.net6 = PEL_VNET6};
static atomic_bool fixed;
static _Atomic uint32_t use;

const struct block *block_get(void)
{
	return &block;
}

void block_set(const struct block *b)
{
	if (b->bits4 < 8 || b->bits4 > 30 || b->bits6 < 16 || b->bits6 > 64 || block_is_fixed())
		return;
	block = *b;
	block_note_use(BLOCK_UNSEEN);
}

enum block_use block_use(void)
{
	return (enum block_use)atomic_load_explicit(&use, memory_order_relaxed);
}

void block_note_use(enum block_use now)
{
	atomic_store_explicit(&use, now, memory_order_relaxed);
}

void block_fix(void)
{
	atomic_store_explicit(&fixed, true, memory_order_release);
}

bool block_is_fixed(void)
{
	return atomic_load_explicit(&fixed, memory_order_acquire);
}

bool block_has(const struct pel_addr *a)
{
	if (a->family == 4)
		return pel_is_virtual4(address_number4(a), block.net4, block.bits4);
	return a->family == 6 && pel_is_virtual6(a->ip, block.net6, block.bits6);
}

/* Nothing is parsed here: family and leading bits are all that an unrelated address costs. */
bool block_has_sockaddr(const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_in6 *in6 = (const void *)addr;
	const void *v4 = NULL;
	uint64_t high, net6;
	uint32_t middle, net;

	if (!addr || len < sizeof(struct sockaddr_in))
		return false;
	if (addr->sa_family == AF_INET) {
		v4 = &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
	} else if (addr->sa_family == AF_INET6 && len >= sizeof(*in6)) {
		memcpy(&high, &in6->sin6_addr, sizeof(high));
		memcpy(&middle, in6->sin6_addr.s6_addr + 8, sizeof(middle));
		memcpy(&net6, block.net6, sizeof(net6));
		if (high != 0 || middle != htonl(0xffff))
			return (be64toh(high ^ net6) >> (-block.bits6 & 63)) == 0;
		v4 = in6->sin6_addr.s6_addr + 12;
	}
	if (!v4)
		return false;
	memcpy(&net, v4, sizeof(net));
	return ((ntohl(net) ^ block.net4) >> (-block.bits4 & 31)) == 0;
}

bool block_is_of(const struct pel_addr *a, uint64_t hash)
{
	uint8_t ip[16];

	if (a->family == 4)
		return address_number4(a) == pel_virtual4(hash, block.net4, block.bits4);
	pel_virtual6(hash, block.net6, block.bits6, ip);
	return memcmp(ip, a->ip, 16) == 0;
}
