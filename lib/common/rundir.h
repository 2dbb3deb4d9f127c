/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the prober and its clients meet: one rule for every process of a user.
 *
 *   $PELORUS_RUNTIME_DIR                  trusted as its owner is
 *   /run/pelorus                          if a system prober's map is there and root's
 *   /dev/shm/pelorus-<euid>               else
 *   /tmp/pelorus-<euid>                   if there is no /dev/shm, or another user has that name
 *   /run/user/<euid>/pelorus              ... and this one too
 *
 * The directory is opened first (no symbolic link), its owner and mode are checked on the open
 * descriptor, and everything in it is reached by openat().
 */
#ifndef PELORUS_LIB_COMMON_RUNDIR_H
#define PELORUS_LIB_COMMON_RUNDIR_H

#include <stdbool.h>
#include <sys/types.h>

#define PEL_RUN_LOCK "lock"       /* flock: who holds it is the one prober */
#define PEL_RUN_START "start"     /* flock, taken without blocking by whoever starts a prober */
#define PEL_RUN_FAILED "failed"   /* record of failed starts: count, boottime of the next try */
#define PEL_RUN_CONTROL "control" /* SOCK_SEQPACKET socket */
#define PEL_RUN_SLOTS "clients.slots"
#define PEL_RUNDIR_MAX 80 /* leaves room for "/control" in sun_path */

enum pel_rundir_kind {
	PEL_RUNDIR_USER = 0,
	PEL_RUNDIR_SYSTEM = 1,   /* /run/pelorus: follow and hint only, no credentials */
	PEL_RUNDIR_EXPLICIT = 2, /* named: any network namespace, any owner whom root or we are */
};

struct pel_rundir {
	enum pel_rundir_kind kind;
	char path[PEL_RUNDIR_MAX];
};

/* Decides the path; `explicit_dir` is $PELORUS_RUNTIME_DIR or NULL.  0, -ENAMETOOLONG. */
int pel_rundir_choose(const char *explicit_dir, uid_t euid, struct pel_rundir *ret);

/*
 * Opens and checks it; with `create` a missing user directory is made (0700).  The descriptor, or
 * -errno; -EPERM where owner or mode cannot be trusted, -ELOOP for a symbolic link.
 */
int pel_rundir_open(const struct pel_rundir *dir, uid_t euid, bool create);

#endif
