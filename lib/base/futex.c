/* SPDX-License-Identifier: Apache-2.0 */
#include "futex.h"

#include "real.h"
#include "common/clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* struct futex_waitv of Linux 5.16, whose headers not everybody has. */
struct waiter {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};
#define WAITER_32 2u /* FUTEX_32 */

static atomic_bool two_are_refused;

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / UINT64_C(1000000000)),
		.tv_nsec = (long)(ns % UINT64_C(1000000000))};
}

bool futex_waits_for_two(void)
{
	return !atomic_load_explicit(&two_are_refused, memory_order_relaxed);
}

static struct waiter on_own(const _Atomic uint32_t *own, uint32_t seen)
{
	return (struct waiter){.value = seen,
		.address = (uintptr_t)own,
		.flags = WAITER_32 | FUTEX_PRIVATE_FLAG};
}

/* 0, or how it ended; ENOSYS if the kernel did not do it. */
static int wait_for(struct waiter *words, unsigned n, uint64_t limit_ns)
{
	struct timespec until;

	if (!futex_waits_for_two())
		return ENOSYS;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until = timespec_of(
		(uint64_t)until.tv_sec * UINT64_C(1000000000) + (uint64_t)until.tv_nsec + limit_ns);
	if (syscall(SYS_futex_waitv, words, n, 0, &until, CLOCK_MONOTONIC) >= 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM && errno != EINVAL)
		return errno;
	atomic_store_explicit(&two_are_refused, true, memory_order_relaxed);
	return ENOSYS;
}

void futex_wait(const _Atomic uint32_t *word, uint32_t seen, const _Atomic uint32_t *own,
	uint32_t own_seen, uint64_t limit_ns)
{
	struct timespec limit = timespec_of(limit_ns);
	struct waiter two[] = {
		{.value = seen, .address = (uintptr_t)word, .flags = WAITER_32},
		on_own(own, own_seen),
	};

	if (!word)
		(void)syscall(SYS_futex, own, FUTEX_WAIT_PRIVATE, own_seen, &limit, NULL, 0);
	else if (!own || wait_for(two, 2, limit_ns) == ENOSYS)
		(void)syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
}

static int set_cancel_type(int to)
{
	int before = PTHREAD_CANCEL_DEFERRED;

	if (real_get()->set_cancel_type)
		(void)real_get()->set_cancel_type(to, &before);
	return before;
}

/* Nothing is held meanwhile, so that the thread may be cancelled at any instruction. */
int futex_wait_as_call(const _Atomic uint32_t *own, uint32_t seen, uint64_t limit_ns, bool goes_on)
{
	const bool limited = limit_ns != UINT64_MAX;
	struct timespec limit = timespec_of(limited ? limit_ns : 0);
	struct waiter one = on_own(own, seen);
	int before = set_cancel_type(PTHREAD_CANCEL_ASYNCHRONOUS);
	int error = limited && goes_on ? wait_for(&one, 1, limit_ns) : ENOSYS;

	if (error == ENOSYS &&
		syscall(SYS_futex, own, FUTEX_WAIT_PRIVATE, seen, limited ? &limit : NULL, NULL,
			0) < 0)
		error = errno;
	(void)set_cancel_type(before);
	return error == EINTR ? EINTR : 0;
}

void futex_wake_own(_Atomic uint32_t *own)
{
	(void)syscall(SYS_futex, own, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}
