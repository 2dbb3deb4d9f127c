/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by a test: the wall clock jumps an hour forth and an hour back, each second anew. */
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

static time_t jump(void)
{
	struct timespec up;
	int (*real)(clockid_t, struct timespec *);

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	(void)real(CLOCK_BOOTTIME, &up);
	return up.tv_sec % 3 * 3600 - 3600;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r, (*real)(clockid_t, struct timespec *);

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(id, ret);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ret->tv_sec += jump();
	return r;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;
	int r = clock_gettime(CLOCK_REALTIME, &now);

	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / 1000;
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
