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

#define LENT_MAX 4

static struct process fallback;
static struct process *page = &fallback;
static bool is_wiped;
static _Atomic int
	lent[LENT_MAX]; /* numbers, plus one: of the process itself, so not in the page */

void process_lend(int fd)
{
	int none = 0;

	for (int i = 0; i < LENT_MAX && !atomic_compare_exchange_strong(&lent[i], &none, fd + 1);
		i++)
		none = 0;
}

/* Before it is closed: another thread may have the number a moment later. */
void process_take_back(int fd)
{
	for (int i = 0; i < LENT_MAX; i++) {
		int seen = fd + 1;

		if (atomic_compare_exchange_strong(&lent[i], &seen, 0))
			return;
	}
}

static void begin_child(void)
{
	for (int i = 0; i < LENT_MAX; i++) {
		int fd = atomic_exchange(&lent[i], 0) - 1;

		if (fd >= 0)
			(void)close(fd);
	}
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
		(void)real->register_atfork(NULL, NULL, begin_child, NULL);
	else if (real->pthread_atfork)
		(void)real->pthread_atfork(NULL, NULL, begin_child);
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
