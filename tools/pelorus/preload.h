/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a preload: where it lies, and LD_PRELOAD with it. */
#ifndef PELORUS_TOOLS_PRELOAD_H
#define PELORUS_TOOLS_PRELOAD_H

#include <limits.h>
#include <stddef.h>

#define PRELOAD_LIBRARY "libpelorus.so"

/*
 * LD_PRELOAD with `library` in front; what was there stays behind it, and a libpelorus.so that is
 * already there stays where it is.  `existing` may be NULL.  0; -EINVAL for a library that cannot
 * stand there (not absolute; blank, colon or $ in its path), -ENOSPC.
 */
int preload_prepend(const char *existing, const char *library, char *ret, size_t size);

/*
 * The library that belongs to this command: $PELORUS_LIBRARY, else where it was installed relative
 * to the command, else the build folder's.  An absolute path; 0, or -errno of the last one tried.
 */
int preload_find_library(char ret[static PATH_MAX]);

#endif
