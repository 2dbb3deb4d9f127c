/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets. */
#include "secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void *secret_alloc(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, size, MADV_DONTDUMP);
	return memory;
}

/* Unmapped pages go back to the kernel, which clears them: only what stays needs to be wiped. */
void secret_free(void *memory, size_t size)
{
	if (memory)
		(void)munmap(memory, size);
}

int secret_harden_process(void)
{
	const struct rlimit none = {0};

	(void)setrlimit(RLIMIT_CORE, &none);
	return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0 ? -errno : 0;
}
