/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place per thread that has a wish, found by the thread's id.  Only its own thread reads a place;
 * one that left a call by longjmp() keeps it until its next wish, which begins in the same place.
 */
#include "wish.h"

#include <pthread.h>

#define WISHES_MAX 64

static struct wish wishes[WISHES_MAX];
static _Atomic uint32_t used; /* places that were ever taken */

static uintptr_t this_thread(void)
{
	return (uintptr_t)pthread_self();
}

struct wish *wish_find(void)
{
	uint32_t n = atomic_load_explicit(&used, memory_order_acquire);
	uintptr_t self = n > 0 ? this_thread() : 0;

	for (uint32_t i = 0; i < n; i++) {
		if (atomic_load_explicit(&wishes[i].thread, memory_order_relaxed) == self)
			return &wishes[i];
	}
	return NULL;
}

static struct wish *take_place(void)
{
	for (uint32_t i = 0; i < WISHES_MAX; i++) {
		uint32_t seen = atomic_load(&used);
		uintptr_t nobody = 0;

		if (!atomic_compare_exchange_strong(&wishes[i].thread, &nobody, this_thread()))
			continue;
		while (seen <= i && !atomic_compare_exchange_weak(&used, &seen, i + 1))
			;
		return &wishes[i];
	}
	return NULL;
}

struct wish *wish_begin(const struct followed *f, enum pel_role role, bool never_waits)
{
	struct wish *wish = wish_find();

	if (!wish)
		wish = take_place();
	if (!wish)
		return NULL;
	wish->followed = f;
	wish->role = (uint8_t)role;
	wish->never_waits = never_waits;
	wish->fd = -1;
	return wish;
}

int wish_end(struct wish *wish)
{
	int fd = wish ? wish->fd : -1;

	if (wish)
		atomic_store_explicit(&wish->thread, 0, memory_order_release);
	return fd;
}
