/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file whole. */
#include "read_file.h"

#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_LEAST 4094 /* files of /proc do not tell their size */

/* 0 if a descriptor's file may be believed and is not too long. */
static int check(int fd, size_t most, enum file_care care, struct stat *ret)
{
	if (fstat(fd, ret) < 0)
		return -errno;
	if (!S_ISREG(ret->st_mode))
		return -EISDIR;
	if (care == FILE_PRIVATE &&
		((ret->st_uid != geteuid() && ret->st_uid != 0) || (ret->st_mode & 0007)))
		return -EACCES;
	return care != FILE_START && (size_t)ret->st_size > most ? -EFBIG : 0;
}

static int take(int fd, size_t room, struct file *file)
{
	file->size = room + 1;
	file->text = secret_alloc(file->size);
	if (!file->text)
		return -ENOMEM;
	while (file->n < room) {
		ssize_t got = read(fd, file->text + file->n, room - file->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		file->n += (size_t)got;
	}
	return 0;
}

int file_read(const char *path, size_t most, enum file_care care, struct file *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	size_t room;
	struct stat st;

	*ret = (struct file){0};
	if (fd < 0)
		return -errno;
	r = check(fd, most, care, &st);
	if (r == 0) {
		room = (size_t)st.st_size > ROOM_LEAST ? (size_t)st.st_size : ROOM_LEAST;
		ret->mode = st.st_mode;
		ret->owner = st.st_uid;
		r = take(fd, room < most ? room : most, ret);
	}
	(void)close(fd);
	if (r < 0)
		file_free(ret);
	return r;
}

void file_free(struct file *file)
{
	secret_free(file->text, file->size);
	*file = (struct file){0};
}
