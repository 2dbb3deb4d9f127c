/* SPDX-License-Identifier: Apache-2.0 */
#include "slots_file.h"

#include <pelorus/slots.h>

#include "common/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's first bytes; the rest of it is far too large for a stack. */
struct head {
	uint64_t magic;
	uint32_t count;
	uint32_t slot_size;
	uint32_t more_size;
	uint32_t pad;
};

_Static_assert(sizeof(struct head) == offsetof(struct pel_slots, fill), "pel_slots");

static const struct head our_head = {.magic = PEL_SLOTS_MAGIC,
	.count = PEL_SLOTS,
	.slot_size = sizeof(struct pel_slot),
	.more_size = sizeof(struct pel_slot_more)};

static bool head_is_ours(int fd)
{
	struct head head;

	return pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		memcmp(&head, &our_head, sizeof(head)) == 0;
}

bool slots_file_is_usable(int fd, mode_t mode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		(st.st_mode & 0777) == mode && st.st_size == (off_t)sizeof(struct pel_slots) &&
		head_is_ours(fd);
}

int slots_file_old(int dirfd, mode_t mode)
{
	int fd = openat(dirfd, PEL_RUN_SLOTS, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (slots_file_is_usable(fd, mode))
		return fd;
	(void)close(fd);
	return -EINVAL;
}

static int file_fill(int fd, mode_t mode)
{
	ssize_t n;

	if (fchmod(fd, mode) < 0 || ftruncate(fd, sizeof(struct pel_slots)) < 0)
		return -errno;
	n = pwrite(fd, &our_head, sizeof(our_head), 0);
	return n == (ssize_t)sizeof(our_head) ? 0 : n < 0 ? -errno : -ENOSPC;
}

/* Filled under a name of its own, then moved into place: nobody opens a half-made one. */
int slots_file_new(int dirfd, mode_t mode)
{
	static const char name[] = PEL_RUN_SLOTS ".new";
	int r, fd;

	(void)unlinkat(dirfd, name, 0);
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = file_fill(fd, mode);
	if (r == 0 && renameat(dirfd, name, dirfd, PEL_RUN_SLOTS) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	(void)unlinkat(dirfd, name, 0);
	return r;
}
