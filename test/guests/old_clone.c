/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded before the library: the clone() of glibc before 2.24, which with CLONE_VM and without
 * CLONE_THREAD overwrites the thread id that the *calling* thread has in memory (its bug 19957).
 *
 * Where that id lies is known for x86-64's glibc of now alone, and is looked at before it is
 * believed.
 */
#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TID_OFFSET 0x2d0

static int *id_of_this_thread(void)
{
	char *self;
	int *id;

	__asm__("mov %%fs:0x10, %0" : "=r"(self));
	id = (int *)(void *)(self + TID_OFFSET);
	return *id == (int)syscall(SYS_gettid) ? id : NULL;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT int old_clone_is_faithful(void);
int old_clone_is_faithful(void)
{
	return id_of_this_thread() != NULL;
}

EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	int (*real)(int (*)(void *), void *, int, void *, ...);
	void *symbol = dlsym(RTLD_NEXT, "clone");
	int pid, *id = id_of_this_thread();

	memcpy(&real, &symbol, sizeof(real));
	pid = real(fn, stack, flags, arg);
	if ((flags & CLONE_VM) && !(flags & CLONE_THREAD) && id)
		*id = -1;
	return pid;
}
