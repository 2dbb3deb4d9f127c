/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing, at most half full.
 *
 * Writers hold a lock.  A table that is full is copied into a new one, four times its size unless
 * most of it was removed, and stays mapped, for a reader may be in it: what is entered later is
 * looked for only by threads that see the new one, since the application hands them the pointer
 * afterwards.  The lock is a process's number: in a forked child one of its parent's is nobody's,
 * for the thread that held it is not there.
 */
#include "table.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TABLE_FIRST 128u /* places, in one page with their mask */

/* A table with one place, which is free. */
static _Alignas(struct table) char empty[sizeof(struct table) + sizeof(struct table_entry)];
_Atomic(struct table *) client_table = (struct table *)(void *)empty;
static size_t used;            /* entries and TABLE_GONE, under the lock */
static _Atomic int32_t locked; /* 0: free */

static void lock(void)
{
	static const struct timespec nap = {.tv_nsec = 20000};
	int32_t ours = (int32_t)getpid(), holder = 0;

	while (!atomic_compare_exchange_weak_explicit(&locked, &holder, ours, memory_order_acquire,
		memory_order_relaxed)) {
		if (holder != ours)
			continue; /* free by now, or left over by a fork: it is taken as it was read */
		(void)nanosleep(&nap, NULL);
		holder = 0;
	}
}

static void unlock(void)
{
	atomic_store_explicit(&locked, 0, memory_order_release);
}

static struct table *table_new(size_t places)
{
	size_t size = sizeof(struct table) + places * sizeof(struct table_entry);
	struct table *t =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		return NULL;
	t->mask = (places - 1) * sizeof(struct table_entry);
	return t;
}

/* The place of a key, or the free one where it belongs. */
static struct table_entry *place_of(struct table *t, const void *key)
{
	struct table_entry *gone = NULL;

	for (uintptr_t at = table_offset(key);; at = table_offset_next(at)) {
		struct table_entry *e = table_entry_at(t, at);
		const void *k = atomic_load_explicit(&e->key, memory_order_relaxed);

		if (k == key)
			return e;
		if (!k)
			return gone ? gone : e;
		if (k == TABLE_GONE && !gone)
			gone = e;
	}
}

void *table_find(const void *key)
{
	struct table *t = atomic_load_explicit(&client_table, memory_order_acquire);

	for (uintptr_t at = table_offset(key);; at = table_offset_next(at)) {
		struct table_entry *e = table_entry_at(t, at);
		const void *k = atomic_load_explicit(&e->key, memory_order_acquire);

		if (!k)
			return NULL;
		if (k == key)
			return atomic_load_explicit(&e->object, memory_order_relaxed);
	}
}

/* The object first: a reader that sees the key sees it too (partner: table_find). */
static void fill(struct table_entry *e, const void *key, void *object)
{
	if (!atomic_load_explicit(&e->key, memory_order_relaxed))
		used++;
	atomic_store_explicit(&e->object, object, memory_order_relaxed);
	atomic_store_explicit(&e->key, key, memory_order_release);
}

static size_t places_of(const struct table *t)
{
	return t->mask / sizeof(struct table_entry) + 1;
}

static size_t count_live(const struct table *t)
{
	size_t n = 0;

	for (uintptr_t i = 0; i < places_of(t); i++) {
		const void *k = atomic_load_explicit(&t->entries[i].key, memory_order_relaxed);

		n += k && k != TABLE_GONE;
	}
	return n;
}

/* Makes a table with room, without what was removed. */
static struct table *grow(struct table *old)
{
	size_t live = count_live(old), places = TABLE_FIRST;
	struct table *t;

	while (places < live * 4)
		places *= 4;
	t = table_new(places);
	if (!t)
		return NULL;
	used = 0;
	for (uintptr_t i = 0; i < places_of(old); i++) {
		const void *k = atomic_load_explicit(&old->entries[i].key, memory_order_relaxed);

		if (k && k != TABLE_GONE)
			fill(place_of(t, k), k, atomic_load(&old->entries[i].object));
	}
	atomic_store_explicit(&client_table, t, memory_order_release);
	return t;
}

int table_put(const void *key, void *object)
{
	struct table *t;

	lock();
	t = atomic_load_explicit(&client_table, memory_order_relaxed);
	if ((used + 1) * 2 >= places_of(t))
		t = grow(t);
	if (t)
		fill(place_of(t, key), key, object);
	unlock();
	return t ? 0 : -ENOMEM;
}

/* Where nothing is searched for beyond a removed place, it is free again. */
static void clear(struct table *t, struct table_entry *e)
{
	uintptr_t at = (uintptr_t)((char *)e - (char *)t->entries);

	atomic_store_explicit(&e->object, NULL, memory_order_relaxed);
	atomic_store_explicit(&e->key, TABLE_GONE, memory_order_release);
	if (atomic_load_explicit(&table_entry_at(t, table_offset_next(at))->key,
		    memory_order_relaxed))
		return;
	while (atomic_load_explicit(&e->key, memory_order_relaxed) == TABLE_GONE) {
		atomic_store_explicit(&e->key, NULL, memory_order_release);
		used--;
		at -= sizeof(*e);
		e = table_entry_at(t, at);
	}
}

void *table_take(const void *key)
{
	struct table *t;
	struct table_entry *e;
	void *object = NULL;

	lock();
	t = atomic_load_explicit(&client_table, memory_order_relaxed);
	e = place_of(t, key);
	if (atomic_load_explicit(&e->key, memory_order_relaxed) == key) {
		object = atomic_load_explicit(&e->object, memory_order_relaxed);
		clear(t, e);
	}
	unlock();
	return object;
}
