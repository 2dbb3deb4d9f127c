/* SPDX-License-Identifier: Apache-2.0 */
/* The slot file: found as it should be, or made. */
#ifndef SLOTS_FILE_H
#define SLOTS_FILE_H

#include <stdbool.h>
#include <sys/types.h>

/* It is ours, whole, and of that mode: those who write slots may have truncated it. */
bool slots_file_is_usable(int fd, mode_t mode);

/* A descriptor; -EINVAL: it is there and cannot be used, a new one is to take its place; -errno. */
int slots_file_old(int dirfd, mode_t mode);

/* A descriptor of a new, empty one that has taken the path; -errno. */
int slots_file_new(int dirfd, mode_t mode);

#endif
