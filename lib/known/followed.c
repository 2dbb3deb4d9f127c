/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Followed names, in a fixed array that only grows.
 *
 * `count` is stored with release after the record is complete (partner: the acquire in
 * followed_count()), so that whoever sees the number may read all of them.
 */
#include "followed.h"

#include "address.h"
#include "block.h"
#include "common/names.h"
#include "base/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#define DNS_TRIES 16
#define MAKING_TRIES 10000

static struct followed all[FOLLOWED_MAX];
static _Atomic uint32_t count;

unsigned followed_count(void)
{
	return atomic_load_explicit(&count, memory_order_acquire);
}

struct followed *followed_at(unsigned i)
{
	return &all[i];
}

unsigned followed_index(const struct followed *f)
{
	return (unsigned)(f - all);
}

struct followed *followed_find_name(const char *name, uint64_t hash)
{
	for (unsigned i = 0, n = followed_count(); i < n; i++) {
		if (all[i].hash == hash && strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return NULL;
}

static struct followed *find_virtual4(uint32_t addr)
{
	for (unsigned i = 0, n = followed_count(); i < n; i++) {
		if (all[i].virtual4 == addr)
			return &all[i];
	}
	return NULL;
}

struct followed *followed_find_addr(const struct pel_addr *a)
{
	if (a->family == 4)
		return find_virtual4(address_number4(a));
	for (unsigned i = 0, n = followed_count(); i < n; i++) {
		if (memcmp(all[i].virtual6, a->ip, 16) == 0)
			return &all[i];
	}
	return NULL;
}

static void write_texts(struct followed *f)
{
	static const char prefix[] = "::ffff:";
	struct in_addr in = {.s_addr = htonl(f->virtual4)};

	strcpy(f->mapped, prefix);
	(void)inet_ntop(AF_INET, &in, f->mapped + strlen(prefix),
		sizeof(f->mapped) - strlen(prefix));
	(void)inet_ntop(AF_INET6, f->virtual6, f->text6, sizeof(f->text6));
}

static int followed_make(const char *name, uint64_t hash, enum pel_role role, struct followed **ret)
{
	unsigned n = followed_count();
	struct followed *f = &all[n];
	const struct block *block = block_get();
	uint32_t virtual4 = pel_virtual4(hash, block->net4, block->bits4);

	if (find_virtual4(virtual4))
		return -EEXIST;
	if (n == FOLLOWED_MAX)
		return -ENOSPC;
	strcpy(f->name, name);
	f->hash = hash;
	f->role = (uint8_t)role;
	atomic_store(&f->turn, process_random());
	f->virtual4 = virtual4;
	pel_virtual6(hash, block->net6, block->bits6, f->virtual6);
	write_texts(f);
	block_fix();
	atomic_store_explicit(&count, n + 1, memory_order_release);
	*ret = f;
	return 0;
}

/* Making one takes a microsecond: who is made to wait for much longer goes on without. */
static bool making_begin(_Atomic uint32_t *making)
{
	for (int i = 0; i < MAKING_TRIES; i++) {
		if (!atomic_exchange_explicit(making, 1, memory_order_acquire))
			return true;
		(void)sched_yield();
	}
	return false;
}

int followed_add(const char *name, uint64_t hash, enum pel_role role, struct followed **ret)
{
	struct followed *f = followed_find_name(name, hash);
	_Atomic uint32_t *making = &process_get()->making;
	sigset_t blocked, before;
	int r = -EBUSY;

	if (f) {
		*ret = f;
		return 0;
	}
	/* A handler that jumped out of here would leave all later ones waiting. */
	(void)sigfillset(&blocked);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	if (making_begin(making)) {
		f = followed_find_name(name, hash);
		if (f)
			*ret = f;
		r = f ? 0 : followed_make(name, hash, role, ret);
		atomic_store_explicit(making, 0, memory_order_release);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
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

void followed_set_dns(struct followed *f, const struct pel_addr *addrs, unsigned n, uint64_t now_ns)
{
	struct followed_dns dns = {.seen_ns = now_ns, .n = n < PEL_MAP_ADDRS ? n : PEL_MAP_ADDRS};
	uint32_t seq = atomic_load_explicit(&f->dns_seq, memory_order_relaxed);

	if (n == 0 || (seq & 1) ||
		!atomic_compare_exchange_strong_explicit(&f->dns_seq, &seq, seq + 1,
			memory_order_acquire, memory_order_relaxed))
		return;
	memcpy(dns.addrs, addrs, dns.n * sizeof(*addrs));
	atomic_thread_fence(memory_order_release);
	words_copy(&f->dns, &dns, sizeof(dns), true);
	atomic_store_explicit(&f->dns_seq, seq + 2, memory_order_release);
}

void followed_get_dns(struct followed *f, struct followed_dns *ret)
{
	for (int i = 0; i < DNS_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&f->dns_seq, memory_order_acquire);

		words_copy(ret, &f->dns, sizeof(*ret), false);
		atomic_thread_fence(memory_order_acquire);
		if (!(seq & 1) && atomic_load_explicit(&f->dns_seq, memory_order_relaxed) == seq)
			return;
	}
	ret->n = 0;
	ret->seen_ns = 0;
}

_Atomic bool followed_by_dns;

static bool is_told(const struct followed_dns *dns, const struct pel_addr *addr)
{
	for (uint64_t i = 0; i < dns->n && i < PEL_MAP_ADDRS; i++) {
		if (dns->addrs[i].family == addr->family &&
			memcmp(dns->addrs[i].ip, addr->ip, sizeof(addr->ip)) == 0)
			return true;
	}
	return false;
}

struct followed *followed_find_dns(const struct pel_addr *addr)
{
	struct followed *found = NULL;
	uint64_t seen_ns = 0;

	for (unsigned i = 0, n = followed_count(); i < n; i++) {
		struct followed *f = followed_at(i);
		struct followed_dns dns;

		followed_get_dns(f, &dns);
		if (!is_told(&dns, addr) || dns.seen_ns < seen_ns)
			continue;
		found = f;
		seen_ns = dns.seen_ns;
	}
	return found;
}

void followed_pin(struct followed *f, const struct pel_addr *addr)
{
	uint64_t words[3] = {0};

	if (!addr && atomic_load_explicit(&f->pinned[0], memory_order_relaxed) == 0)
		return;
	if (addr)
		memcpy(words, addr, sizeof(words));
	/* The first word, which holds the family, reveals the rest (partner: followed_pinned). */
	atomic_store(&f->pinned[0], 0);
	atomic_store(&f->pinned[1], words[1]);
	atomic_store(&f->pinned[2], words[2]);
	atomic_store(&f->pinned[0], words[0]);
}

bool followed_pinned(const struct followed *f, struct pel_addr *ret)
{
	uint64_t words[3] = {atomic_load(&f->pinned[0]), atomic_load(&f->pinned[1]),
		atomic_load(&f->pinned[2])};

	if (words[0] == 0 || atomic_load(&f->pinned[0]) != words[0])
		return false;
	memcpy(ret, words, sizeof(words));
	return true;
}

bool followed_is_pinned_to(const struct followed *f, const struct pel_addr *addr)
{
	struct pel_addr pinned;

	return followed_pinned(f, &pinned) && pinned.family == addr->family &&
		pinned.scope == addr->scope && memcmp(pinned.ip, addr->ip, sizeof(pinned.ip)) == 0;
}

bool followed_unpin(struct followed *f, const struct pel_addr *addr)
{
	if (!followed_is_pinned_to(f, addr))
		return false;
	followed_pin(f, NULL);
	return true;
}

void followed_exclude(struct followed *f, uint64_t identity, uint64_t until_ns)
{
	struct followed_excluded *oldest = &f->excluded[0];

	for (unsigned i = 0; i < FOLLOWED_EXCLUDED; i++) {
		struct followed_excluded *e = &f->excluded[i];

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

uint32_t followed_excluded(const struct followed *f, const struct pel_hot *hot, uint64_t now_ns)
{
	uint32_t bits = 0;

	for (unsigned e = 0; e < FOLLOWED_EXCLUDED; e++) {
		uint64_t identity =
			atomic_load_explicit(&f->excluded[e].identity, memory_order_relaxed);

		if (identity == 0 ||
			now_ns >= atomic_load_explicit(&f->excluded[e].until_ns,
					  memory_order_relaxed))
			continue;
		for (unsigned i = 0; i < hot->n_instances; i++) {
			if (hot->instances[i].identity == identity)
				bits |= UINT32_C(1) << i;
		}
	}
	return bits;
}
