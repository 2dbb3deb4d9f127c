/* SPDX-License-Identifier: Apache-2.0 */
/* The map's clock: it goes on while the machine sleeps. */
#ifndef PELORUS_LIB_COMMON_CLOCK_H
#define PELORUS_LIB_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

#endif
