/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting on the map's words, which are shared between processes and read-only to us. */
#ifndef PELORUS_LIB_BASE_FUTEX_H
#define PELORUS_LIB_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Sleeps until `word` is no longer `seen`, somebody wakes it, or the time is over.  `own`, which
 * may be NULL, is a second word, private to the process, that ends the sleep as well where the
 * kernel can wait for two (Linux 5.16); elsewhere it is noticed at the end of the sleep.  `word`
 * may be NULL if `own` is not.
 */
void futex_wait(const _Atomic uint32_t *word, uint32_t seen, const _Atomic uint32_t *own,
	uint32_t own_seen, uint64_t limit_ns);

/* False once the kernel has refused to wait for two. */
bool futex_waits_for_two(void);

/*
 * Sleeps as a blocking call of the kernel does: without a limit (UINT64_MAX), or if it `goes_on`, a signal
 * ends it only if its handler asks for that; else any handler does, as where the kernel cannot wait for two.
 * A cancellation point.  0, or EINTR.
 */
int futex_wait_as_call(const _Atomic uint32_t *own, uint32_t seen, uint64_t limit_ns, bool goes_on);

/* Wakes those of this process that sleep on a private word. */
void futex_wake_own(_Atomic uint32_t *own);

#endif
