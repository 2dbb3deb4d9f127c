/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded before the library: a kernel older than 4.14, which wipes no page in a forked child. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int madvise(void *at, size_t n, int advice)
{
	if (advice == MADV_WIPEONFORK) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, at, n, advice);
}
