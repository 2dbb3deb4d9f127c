/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in fixed room, without stdio, locale or memory. */
#ifndef PELORUS_LIB_COMMON_TEXT_H
#define PELORUS_LIB_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies n bytes and ends them; false, and nothing is written, if there is no room or no `from`. */
bool text_copy_n(char *to, size_t size, const char *from, size_t n);

static inline bool text_copy(char *to, size_t size, const char *from)
{
	return from && text_copy_n(to, size, from, strlen(from));
}

/* The same, but "" where there is none. */
static inline bool text_copy_any(char *to, size_t size, const char *from)
{
	return text_copy(to, size, from ? from : "");
}

/* Adds as much as there is room for. */
void text_append(char *to, size_t size, const char *more);
void text_append_number(char *to, size_t size, uint64_t n);

/* Overwrites a secret; glibc has explicit_bzero only since 2.25. */
static inline void text_wipe(void *secret, size_t n)
{
	memset(secret, 0, n);
	/* The compiler must believe that somebody looks at it. */
	__asm__ volatile("" : : "r"(secret) : "memory");
}

#endif
