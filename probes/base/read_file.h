/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file whole. */
#ifndef READ_FILE_H
#define READ_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct file {
	char *text; /* with a NUL behind it, in memory that no core dump contains */
	size_t n;
	size_t size; /* of the memory */
	mode_t mode;
	uid_t owner;
};

enum file_care {
	FILE_ANY = 0,
	FILE_PRIVATE, /* -EACCES if a foreign user owns it, or others may read it */
	FILE_START,   /* of what is longer than `most`, the beginning */
};

/* 0; -EFBIG: longer than `most`; -EISDIR: no regular file; -errno.  *ret is set in any case. */
int file_read(const char *path, size_t most, enum file_care care, struct file *ret);

/* Clears it; may be given what was never read, if it is zero. */
void file_free(struct file *file);

#endif
