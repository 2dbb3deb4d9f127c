/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real functions, looked up once.
 *
 * The lookup takes the loader's lock, so it is done in the constructor, where nobody else runs.  A
 * hook that is called before it (by the constructor of a library that was initialised earlier) does
 * it then; twice is harmless, for both find the same.
 */
#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static struct real real;
static atomic_bool resolved;

static const struct {
	const char *name;
	size_t offset;
} wanted[] = {
	{"connect", offsetof(struct real, connect)},
	{"getsockopt", offsetof(struct real, getsockopt)},
	{"sendto", offsetof(struct real, sendto)},
	{"sendmsg", offsetof(struct real, sendmsg)},
	{"sendmmsg", offsetof(struct real, sendmmsg)},
	{"recvfrom", offsetof(struct real, recvfrom)},
	{"recvmsg", offsetof(struct real, recvmsg)},
	{"getaddrinfo", offsetof(struct real, getaddrinfo)},
	{"freeaddrinfo", offsetof(struct real, freeaddrinfo)},
	{"getnameinfo", offsetof(struct real, getnameinfo)},
	{"gethostbyname", offsetof(struct real, gethostbyname)},
	{"gethostbyname2", offsetof(struct real, gethostbyname2)},
	{"gethostbyname_r", offsetof(struct real, gethostbyname_r)},
	{"gethostbyname2_r", offsetof(struct real, gethostbyname2_r)},
	{"gethostbyaddr", offsetof(struct real, gethostbyaddr)},
	{"gethostbyaddr_r", offsetof(struct real, gethostbyaddr_r)},
	{"__pthread_get_minstack", offsetof(struct real, least_stack)},
	{"pthread_setcancelstate", offsetof(struct real, set_cancel_state)},
	{"pthread_setcanceltype", offsetof(struct real, set_cancel_type)},
	{"__register_atfork", offsetof(struct real, register_atfork)},
	/* Last, for musl alone: glibc has none, and a lookup in vain allocates. */
	{"pthread_atfork", offsetof(struct real, pthread_atfork)},
};
#define WANTED (sizeof(wanted) / sizeof(*wanted))

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym's result is a function");

/* Apart, so that the common way through real_get() saves no registers. */
__attribute__((noinline)) static void resolve(void)
{
	for (size_t i = 0; i < WANTED - (real.register_atfork != NULL); i++) {
		void *found = dlsym(RTLD_NEXT, wanted[i].name);

		memcpy((char *)&real + wanted[i].offset, &found, sizeof(found));
	}
	real.is_glibc = dlsym(RTLD_NEXT, "gnu_get_libc_version") != NULL;
	atomic_store_explicit(&resolved, true, memory_order_release);
}

const struct real *real_get(void)
{
	if (!atomic_load_explicit(&resolved, memory_order_acquire))
		resolve();
	return &real;
}
