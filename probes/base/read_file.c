/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file whole. */
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 if a descriptor's file may be believed and holds no more than `most`. */
static int check(int fd, size_t most, enum read_file_care care)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if (care == READ_FILE_PRIVATE &&
		((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 0007)))
		return -EACCES;
	return st.st_size < 0 || (size_t)st.st_size > most ? -EFBIG : 0;
}

static int take(int fd, size_t most, char **ret, size_t *ret_n)
{
	char *text = malloc(most + 2);
	size_t n = 0;

	if (!text)
		return -ENOMEM;
	while (n <= most) {
		ssize_t got = read(fd, text + n, most + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = errno;

			free(text);
			return -error;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > most) {
		free(text);
		return -EFBIG;
	}
	text[n] = '\0';
	*ret = text;
	*ret_n = n;
	return 0;
}

int read_file(const char *path, size_t most, enum read_file_care care, char **ret, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	if (fd < 0)
		return -errno;
	r = check(fd, most, care);
	if (r == 0)
		r = take(fd, most, ret, ret_n);
	(void)close(fd);
	return r;
}
