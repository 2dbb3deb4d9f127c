/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat and its kin as functions of our own: glibc has exported them only since 2.33, and before it
 * only others in their place.  They are hidden by the version script, so that they serve this
 * library alone.  On the 64-bit machines that we build for, libc's struct stat is the kernel's.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int stat(const char *restrict path, struct stat *restrict ret)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, ret, 0);
}

int lstat(const char *restrict path, struct stat *restrict ret)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *ret)
{
	return (int)syscall(SYS_newfstatat, fd, "", ret, AT_EMPTY_PATH);
}

int fstatat(int dirfd, const char *restrict path, struct stat *restrict ret, int flags)
{
	return (int)syscall(SYS_newfstatat, dirfd, path, ret, flags);
}
