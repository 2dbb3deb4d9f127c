/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "common/clock.h"
#include "futex.h"
#include "real.h"
#include "rules/route.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_TRIES 200
#define REST_NS UINT64_C(50000)

static struct process fallback;
static struct process *page = &fallback;
static bool is_wiped;
static _Atomic int guards, forks; /* under way; not in the page, for a fork begins before it */

/* No point of cancellation, as neither fork() nor close() is one to its caller. */
static void rest(void)
{
	static const _Atomic uint32_t never;

	futex_wait(NULL, 0, &never, 0, REST_NS);
}

/* All of it is bounded: a signal handler may fork, or jump out of one. */
void process_guard_begin(void)
{
	for (int i = 0; i < GUARD_TRIES; i++) {
		(void)atomic_fetch_add(&guards, 1);
		if (atomic_load(&forks) == 0)
			return;
		(void)atomic_fetch_sub(&guards, 1);
		rest();
	}
	(void)atomic_fetch_add(&guards, 1);
}

void process_guard_end(void)
{
	if (atomic_fetch_sub(&guards, 1) <= 0)
		atomic_store(&guards, 0);
}

static void before_fork(void)
{
	int saved = errno;

	(void)atomic_fetch_add(&forks, 1);
	for (int i = 0; i < GUARD_TRIES && atomic_load(&guards) > 0; i++)
		rest();
	atomic_store(&guards, 0); /* one that is left, if any: somebody jumped out of it */
	errno = saved;
}

static void behind_fork(void)
{
	(void)atomic_fetch_sub(&forks, 1);
}

static void in_child(void)
{
	atomic_store(&forks, 0);
	atomic_store(&guards, 0);
	if (!is_wiped)
		memset(page, 0, sizeof(*page));
}

void process_init(void)
{
	const struct real *real = real_get();
	int saved = errno;
	void *p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);

	if (p != MAP_FAILED) {
		is_wiped = madvise(p, sizeof(*page), MADV_WIPEONFORK) == 0;
		page = p;
	}
	if (real->register_atfork)
		(void)real->register_atfork(before_fork, behind_fork, in_child, NULL);
	else if (real->pthread_atfork)
		(void)real->pthread_atfork(before_fork, behind_fork, in_child);
	errno = saved;
}

struct process *process_get(void)
{
	return page;
}

static void seed(int32_t pid)
{
	const uint64_t *entropy = (const uint64_t *)getauxval(AT_RANDOM);
	uint64_t first;

	if (entropy)
		memcpy(&first, entropy, sizeof(first));
	else
		first = (uint64_t)(uintptr_t)page;
	atomic_store(&page->random, route_random_seed(first, (uint64_t)pid, clock_now_ns()));
}

enum process_kind process_check(void)
{
	int32_t pid = getpid(), owner = atomic_load_explicit(&page->pid, memory_order_acquire);

	if (owner == pid)
		return PROCESS_OURS;
	if (owner != 0)
		return PROCESS_BORROWED;
	seed(pid);
	atomic_store_explicit(&page->pid, pid, memory_order_release);
	return PROCESS_OURS;
}

void process_kick(void)
{
	(void)atomic_fetch_add(&page->kick, 1);
	futex_wake_own(&page->kick);
}

uint64_t process_random(void)
{
	return route_random_next(&page->random);
}
