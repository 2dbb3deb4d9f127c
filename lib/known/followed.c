/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings, in a fixed array that only grows.
 *
 * `count` is stored with release after the binding is complete (partner: the acquire in
 * bind_count()), so that whoever sees the number may read all of them.
 */
#include "followed.h"

#include "address.h"
#include "block.h"
#include "base/process.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>

#define DNS_TRIES 16
#define MAKING_TRIES 10000

static struct bind binds[BIND_MAX];
static _Atomic uint32_t count;

unsigned bind_count(void)
{
	return atomic_load_explicit(&count, memory_order_acquire);
}

struct bind *bind_at(unsigned i)
{
	return &binds[i];
}

unsigned bind_index(const struct bind *b)
{
	return (unsigned)(b - binds);
}

struct bind *bind_find_name(const char *name, uint64_t hash)
{
	for (unsigned i = 0, n = bind_count(); i < n; i++) {
		if (binds[i].hash == hash && strcmp(binds[i].name, name) == 0)
			return &binds[i];
	}
	return NULL;
}

static struct bind *find_virtual4(uint32_t addr)
{
	for (unsigned i = 0, n = bind_count(); i < n; i++) {
		if (binds[i].virtual4 == addr)
			return &binds[i];
	}
	return NULL;
}

struct bind *bind_find_addr(const struct pel_addr *a)
{
	if (a->family == 4)
		return find_virtual4(address_number4(a));
	for (unsigned i = 0, n = bind_count(); i < n; i++) {
		if (memcmp(binds[i].virtual6, a->ip, 16) == 0)
			return &binds[i];
	}
	return NULL;
}

static void write_texts(struct bind *b)
{
	static const char prefix[] = "::ffff:";
	struct in_addr in = {.s_addr = htonl(b->virtual4)};

	(void)inet_ntop(AF_INET, &in, b->text4, sizeof(b->text4));
	strcpy(b->mapped, prefix);
	strcat(b->mapped, b->text4);
	(void)inet_ntop(AF_INET6, b->virtual6, b->text6, sizeof(b->text6));
}

static int bind_make(const char *name, uint64_t hash, enum pel_role role, struct bind **ret)
{
	unsigned n = bind_count();
	struct bind *b = &binds[n];
	const struct block *block = block_get();
	uint32_t virtual4 = pel_virtual4(hash, block->net4, block->bits4);

	if (find_virtual4(virtual4))
		return -EEXIST;
	if (n == BIND_MAX)
		return -ENOSPC;
	strcpy(b->name, name);
	b->hash = hash;
	b->role = (uint8_t)role;
	atomic_store(&b->turn, process_random());
	b->virtual4 = virtual4;
	pel_virtual6(hash, block->net6, block->bits6, b->virtual6);
	write_texts(b);
	block_fix();
	atomic_store_explicit(&count, n + 1, memory_order_release);
	*ret = b;
	return 0;
}

/*
 * Making one takes a microsecond.  A maker that takes much longer is not another thread but what a
 * signal handler interrupted, and would be waited for in vain.
 */
static bool making_begin(_Atomic uint32_t *making)
{
	for (int i = 0; i < MAKING_TRIES; i++) {
		if (!atomic_exchange_explicit(making, 1, memory_order_acquire))
			return true;
		(void)sched_yield();
	}
	return false;
}

int bind_add(const char *name, uint64_t hash, enum pel_role role, struct bind **ret)
{
	struct bind *b = bind_find_name(name, hash);
	_Atomic uint32_t *making = &process_get()->making;
	int r;

	if (b) {
		*ret = b;
		return 0;
	}
	if (!making_begin(making))
		return -EBUSY;
	b = bind_find_name(name, hash);
	if (b)
		*ret = b;
	r = b ? 0 : bind_make(name, hash, role, ret);
	atomic_store_explicit(making, 0, memory_order_release);
	return r;
}

static void words_copy(void *to, const void *from, size_t size, bool store)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
		if (store)
			atomic_store_explicit(&((_Atomic uint64_t *)to)[i],
				((const uint64_t *)from)[i], memory_order_relaxed);
		else
			((uint64_t *)to)[i] =
				atomic_load_explicit(&((_Atomic uint64_t *)(uintptr_t)from)[i],
					memory_order_relaxed);
	}
}

void bind_set_dns(struct bind *b, const struct pel_addr *addrs, unsigned n, uint64_t now_ns)
{
	struct bind_dns dns = {.seen_ns = now_ns, .n = n < PEL_MAP_ADDRS ? n : PEL_MAP_ADDRS};
	uint32_t seq = atomic_load_explicit(&b->dns_seq, memory_order_relaxed);

	if (n == 0 || (seq & 1) ||
		!atomic_compare_exchange_strong_explicit(&b->dns_seq, &seq, seq + 1,
			memory_order_acquire, memory_order_relaxed))
		return;
	memcpy(dns.addrs, addrs, dns.n * sizeof(*addrs));
	atomic_thread_fence(memory_order_release);
	words_copy(&b->dns, &dns, sizeof(dns), true);
	atomic_store_explicit(&b->dns_seq, seq + 2, memory_order_release);
}

void bind_get_dns(struct bind *b, struct bind_dns *ret)
{
	for (int i = 0; i < DNS_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&b->dns_seq, memory_order_acquire);

		words_copy(ret, &b->dns, sizeof(*ret), false);
		atomic_thread_fence(memory_order_acquire);
		if (!(seq & 1) && atomic_load_explicit(&b->dns_seq, memory_order_relaxed) == seq)
			return;
	}
	ret->n = 0;
	ret->seen_ns = 0;
}

void bind_pin(struct bind *b, const struct pel_addr *addr)
{
	uint64_t words[3] = {0};

	if (addr)
		memcpy(words, addr, sizeof(words));
	/* The first word, which holds the family, reveals the rest (partner: bind_pinned). */
	atomic_store(&b->pinned[0], 0);
	atomic_store(&b->pinned[1], words[1]);
	atomic_store(&b->pinned[2], words[2]);
	atomic_store(&b->pinned[0], words[0]);
}

bool bind_pinned(const struct bind *b, struct pel_addr *ret)
{
	uint64_t words[3] = {atomic_load(&b->pinned[0]), atomic_load(&b->pinned[1]),
		atomic_load(&b->pinned[2])};

	if (words[0] == 0 || atomic_load(&b->pinned[0]) != words[0])
		return false;
	memcpy(ret, words, sizeof(words));
	return true;
}

void bind_exclude(struct bind *b, uint64_t identity, uint64_t until_ns)
{
	struct bind_excluded *oldest = &b->excluded[0];

	for (unsigned i = 0; i < BIND_EXCLUDED; i++) {
		struct bind_excluded *e = &b->excluded[i];

		if (atomic_load(&e->identity) == identity) {
			oldest = e;
			break;
		}
		if (atomic_load(&e->until_ns) < atomic_load(&oldest->until_ns))
			oldest = e;
	}
	atomic_store(&oldest->identity, identity);
	atomic_store(&oldest->until_ns, until_ns);
}

uint32_t bind_excluded(const struct bind *b, const struct pel_hot *hot, uint64_t now_ns)
{
	uint32_t bits = 0;

	for (unsigned e = 0; e < BIND_EXCLUDED; e++) {
		uint64_t identity =
			atomic_load_explicit(&b->excluded[e].identity, memory_order_relaxed);

		if (identity == 0 ||
			now_ns >= atomic_load_explicit(&b->excluded[e].until_ns,
					  memory_order_relaxed))
			continue;
		for (unsigned i = 0; i < hot->n_instances; i++) {
			if (hot->instances[i].identity == identity)
				bits |= UINT32_C(1) << i;
		}
	}
	return bits;
}
