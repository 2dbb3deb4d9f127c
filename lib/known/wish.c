/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place per thread that has a wish, found by the thread's id.  Only its own thread reads a place;
 * one that left a call by longjmp() keeps it until its next wish, which begins in the same place.  One
 * that was cancelled in a call leaves it to whoever finds no other: the next thread may have its id, but
 * not its number in the kernel.
 */
#include "wish.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

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
		if (atomic_load_explicit(&wishes[i].thread, memory_order_relaxed) == self &&
			atomic_load(&wishes[i].tid) == (int)syscall(SYS_gettid))
			return &wishes[i];
	}
	return NULL;
}

static struct wish *take_free(int tid)
{
	for (uint32_t i = 0; i < WISHES_MAX; i++) {
		uint32_t seen = atomic_load(&used);
		uintptr_t nobody = 0;

		if (!atomic_compare_exchange_strong(&wishes[i].thread, &nobody, this_thread()))
			continue;
		atomic_store(&wishes[i].tid, tid);
		while (seen <= i && !atomic_compare_exchange_weak(&used, &seen, i + 1))
			;
		return &wishes[i];
	}
	return NULL;
}

/* Claims a place whose thread is gone. */
static bool claim(struct wish *wish, int tid)
{
	int owner = atomic_load(&wish->tid);

	return owner != 0 && syscall(SYS_tgkill, getpid(), owner, 0) < 0 && errno == ESRCH &&
		atomic_compare_exchange_strong(&wish->tid, &owner, tid);
}

static struct wish *take_left(int tid)
{
	for (uint32_t i = 0; i < WISHES_MAX; i++) {
		if (!claim(&wishes[i], tid))
			continue;
		atomic_store(&wishes[i].thread, this_thread());
		return &wishes[i];
	}
	return NULL;
}

struct wish *wish_begin(const struct followed *f, enum pel_role role, bool never_waits)
{
	int saved = errno, tid = (int)syscall(SYS_gettid);
	struct wish *wish = wish_find();

	if (!wish)
		wish = take_free(tid);
	if (!wish)
		wish = take_left(tid);
	errno = saved;
	if (!wish)
		return NULL;
	wish->followed = f;
	wish->role = (uint8_t)role;
	wish->never_waits = never_waits;
	wish->has_waited = false;
	wish->fd = -1;
	return wish;
}

int wish_end(struct wish *wish)
{
	int fd = wish ? wish->fd : -1;

	if (wish) {
		atomic_store(&wish->tid, 0);
		atomic_store_explicit(&wish->thread, 0, memory_order_release);
	}
	return fd;
}
