/* SPDX-License-Identifier: Apache-2.0 */
/* Files that belong to this command: beside it where it is installed, or in the build folder. */
#ifndef PELORUS_TOOLS_BESIDE_H
#define PELORUS_TOOLS_BESIDE_H

#include <limits.h>
#include <stddef.h>

/*
 * The first FOLDER/`file` that may be accessed by `mode` (R_OK, X_OK), each folder relative to that
 * of the running command; `named`, if neither NULL nor empty, alone instead.  An absolute path
 * without symbolic links; 0, or -errno of the last one tried.
 */
int beside_find(const char *file, const char *named, const char *const *folders, size_t n_folders,
	int mode, char ret[static PATH_MAX]);

#endif
