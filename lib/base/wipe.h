/* SPDX-License-Identifier: Apache-2.0 */
/* Overwrites a secret; glibc has explicit_bzero only since 2.25. */
#ifndef PELORUS_LIB_BASE_WIPE_H
#define PELORUS_LIB_BASE_WIPE_H

#include <stddef.h>
#include <string.h>

static inline void wipe(void *secret, size_t n)
{
	memset(secret, 0, n);
	/* The compiler must believe that somebody looks at it. */
	__asm__ volatile("" : : "r"(secret) : "memory");
}

#endif
