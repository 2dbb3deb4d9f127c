/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define TRACK_TRIES 64
#define TRACK_WORDS (sizeof(struct track) / sizeof(uint64_t))

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

_Static_assert(sizeof(struct track) % sizeof(uint64_t) == 0, "copied by words");
_Static_assert(offsetof(struct track, cookie) == 0, "the first word tells whose record it is");

struct slot {
	_Atomic uint32_t seq; /* odd while being written */
	uint32_t pad;
	_Atomic uint64_t words[TRACK_WORDS];
};

static _Thread_local int last = -1;
static struct slot *_Atomic table;
static _Atomic int limit;

uint64_t track_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);
	struct stat st;
	int saved = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) < 0) {
		cookie = 0;
		/* Old kernels say ENOPROTOOPT, emulators EINVAL. */
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			cookie = st.st_ino | UINT64_C(1) << 63;
	}
	errno = saved;
	return cookie;
}

static struct slot *table_get(void)
{
	struct slot *t = atomic_load_explicit(&table, memory_order_acquire), *none = NULL;
	const size_t size = TRACK_MAX * sizeof(*t);

	if (t)
		return t;
	t = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (t == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&table, &none, t)) {
		(void)munmap(t, size);
		return none;
	}
	return t;
}

static void raise_limit(int n)
{
	int seen = atomic_load(&limit);

	while (seen < n && !atomic_compare_exchange_weak(&limit, &seen, n))
		;
}

/*
 * Makes the word odd; false if another writer keeps it.  Two write one record only if the watcher
 * forgets a socket while its number is connected anew: a few loads apart.
 */
static bool slot_lock(struct slot *s, uint32_t *ret_seq)
{
	for (int i = 0; i < TRACK_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);

		if ((seq & 1) ||
			!atomic_compare_exchange_weak_explicit(&s->seq, &seq, seq + 1,
				memory_order_acquire, memory_order_relaxed))
			continue;
		/* Partner: the acquire fence in slot_read(). */
		atomic_thread_fence(memory_order_release);
		*ret_seq = seq;
		return true;
	}
	return false;
}

static void slot_unlock(struct slot *s, uint32_t seq)
{
	atomic_store_explicit(&s->seq, seq + 2, memory_order_release);
}

static bool slot_read(struct slot *s, struct track *ret)
{
	uint64_t words[TRACK_WORDS];

	for (int i = 0; i < TRACK_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		for (size_t w = 0; w < TRACK_WORDS; w++)
			words[w] = atomic_load_explicit(&s->words[w], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->seq, memory_order_relaxed) != seq)
			continue;
		memcpy(ret, words, sizeof(*ret));
		return ret->cookie != 0;
	}
	return false;
}

int track_last(void)
{
	return last;
}

int track_record(int fd, const struct track *t)
{
	uint64_t words[TRACK_WORDS];
	struct slot *slots;
	uint32_t seq;
	int saved = errno;

	if (fd < 0 || fd >= TRACK_MAX)
		return -E2BIG;
	slots = table_get();
	errno = saved;
	if (!slots || !slot_lock(&slots[fd], &seq))
		return -ENOMEM;
	memcpy(words, t, sizeof(words));
	for (size_t w = 0; w < TRACK_WORDS; w++)
		atomic_store_explicit(&slots[fd].words[w], words[w], memory_order_relaxed);
	slot_unlock(&slots[fd], seq);
	raise_limit(fd + 1);
	last = fd;
	return 0;
}

bool track_read(int fd, struct track *ret)
{
	struct slot *slots = atomic_load_explicit(&table, memory_order_acquire);

	return slots && fd >= 0 && fd < TRACK_MAX && slot_read(&slots[fd], ret);
}

void track_forget(int fd, uint64_t cookie)
{
	struct slot *slots = atomic_load_explicit(&table, memory_order_acquire);
	uint32_t seq;

	if (!slots || fd < 0 || fd >= TRACK_MAX || !slot_lock(&slots[fd], &seq))
		return;
	if (atomic_load_explicit(&slots[fd].words[0], memory_order_relaxed) == cookie)
		atomic_store_explicit(&slots[fd].words[0], 0, memory_order_relaxed);
	slot_unlock(&slots[fd], seq);
}

int track_limit(void)
{
	return atomic_load(&limit);
}
