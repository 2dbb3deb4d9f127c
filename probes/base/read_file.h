/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file whole. */
#ifndef READ_FILE_H
#define READ_FILE_H

#include <stddef.h>

enum read_file_care {
	READ_FILE_ANY = 0,
	READ_FILE_PRIVATE, /* -EACCES if a foreign user owns it, or others may read it */
};

/*
 * The content with a NUL behind it, to be freed (and wiped, if it is a secret).  0; -EFBIG: longer
 * than `most`; -EISDIR: no regular file; -errno.
 */
int read_file(const char *path, size_t most, enum read_file_care care, char **ret, size_t *ret_n);

#endif
