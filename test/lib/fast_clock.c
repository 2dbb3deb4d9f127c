/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by a test: the clock since the start of the machine, and its timers, run FAST_CLOCK times
 * as fast.  An hour of a prober's life passes in half a minute.  The first FAST_CLOCK_AFTER seconds
 * are as long as any.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

#define S INT64_C(1000000000)

static int64_t origin_ns;

static int64_t number(const char *name, int64_t standard)
{
	const char *text = getenv(name);

	return text ? atoi(text) : standard;
}

static int64_t speed(void)
{
	return number("FAST_CLOCK", 1);
}

static int64_t real_now(void)
{
	struct timespec ts;
	int (*real)(clockid_t, struct timespec *);

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	(void)real(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * S + ts.tv_nsec;
}

static struct timespec split(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / S, .tv_nsec = ns % S};
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int (*real)(clockid_t, struct timespec *);
	int64_t now_ns;

	if (id != CLOCK_BOOTTIME) {
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
		return real(id, ret);
	}
	now_ns = real_now();
	if (!origin_ns)
		origin_ns = now_ns + S * number("FAST_CLOCK_AFTER", 0);
	*ret = split(now_ns < origin_ns ? now_ns : origin_ns + (now_ns - origin_ns) * speed());
	return 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
	int64_t at_ns = new->it_value.tv_sec *S + new->it_value.tv_nsec;
	struct itimerspec spec = *new;

	/* Zero stops it; what is due already stays so. */
	if (flags & TFD_TIMER_ABSTIME && at_ns > origin_ns && origin_ns)
		spec.it_value = split(origin_ns + (at_ns - origin_ns) / speed());
	*(void **)&real = dlsym(RTLD_NEXT, "timerfd_settime");
	return real(fd, flags, &spec, old);
}
