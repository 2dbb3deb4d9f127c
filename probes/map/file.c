/* SPDX-License-Identifier: Apache-2.0 */
/* The map's file: taken over or made, and looked for. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool map_is_whole(const struct pel_map *map)
{
	const struct pel_map_header *h = &map->header;

	return h->magic == PEL_MAP_MAGIC && h->version == PEL_MAP_VERSION &&
		h->header_size == sizeof(*h) && h->file_size == sizeof(*map);
}

static int map_from_fd(int fd, struct map_file *f, const struct stat *st)
{
	void *map = mmap(NULL, sizeof(*f->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	f->map = map;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	return 0;
}

int map_file_reuse(struct map_file *f)
{
	int r = -ENOENT,
	    fd = openat(f->dirfd, PEL_MAP_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		st.st_nlink != 1 || (st.st_mode & 0777) != f->mode || st.st_size != sizeof(*f->map))
		goto out;
	r = map_from_fd(fd, f, &st);
	if (r == 0 && !map_is_whole(f->map)) {
		(void)munmap(f->map, sizeof(*f->map));
		f->map = NULL;
		r = -ENOENT;
	}
out:
	(void)close(fd);
	return r;
}

int map_file_make(struct map_file *f, char ret_name[static 64])
{
	struct stat st;
	int r, fd;

	(void)snprintf(ret_name, 64, "." PEL_MAP_FILE ".%d", (int)getpid());
	(void)unlinkat(f->dirfd, ret_name, 0);
	fd = openat(f->dirfd, ret_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fchmod(fd, f->mode) < 0 ? -errno : -posix_fallocate(fd, 0, sizeof(*f->map));
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = map_from_fd(fd, f, &st);
	(void)close(fd);
	if (r < 0)
		(void)unlinkat(f->dirfd, ret_name, 0);
	return r;
}

bool map_file_is_there(const struct map_file *f)
{
	struct stat st;

	return fstatat(f->dirfd, PEL_MAP_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_dev == f->dev && st.st_ino == f->ino;
}
