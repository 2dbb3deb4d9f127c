/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter: connect(2) is told of, and how a connect went, which is asked by SO_ERROR;
 * io_uring_setup(2) is not there, and all else is let pass.
 */
#ifndef PELORUS_TRAP_FILTER_H
#define PELORUS_TRAP_FILTER_H

#include <linux/seccomp.h>

/*
 * Sets it upon this process for ever; the listener or -errno.  Privileges are kept where that is
 * allowed.
 */
int filter_set(void);

/*
 * Tries all that is needed on a child that is thrown away.  NULL if it works; else why not, for a
 * sentence that begins "--trap cannot work:".
 */
const char *filter_hindrance(void);

/* One call that waits to be told of; -errno, -ENOENT if it has gone meanwhile. */
int filter_receive(int listener, struct seccomp_notif *ret);

/* True while its caller still waits. */
int filter_is_waiting(int listener, __u64 id);

/* The call fails with `error`, or succeeds if that is 0; or it goes on as if nobody had looked. */
int filter_answer(int listener, __u64 id, int error);
int filter_continue(int listener, __u64 id);

#endif
