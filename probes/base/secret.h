/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for secrets: pages of their own, left out of core dumps.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stddef.h>

/* Zeroed pages that no core dump contains; NULL if there is no memory. */
void *secret_alloc(size_t size);

/* Gives the pages back, which clears them; NULL is ignored.  `size` is what was asked for. */
void secret_free(void *memory, size_t size);

/* Says that this process leaves no core and lets nobody of the same user read it.  0 or -errno. */
int secret_harden_process(void);

#endif
