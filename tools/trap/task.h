/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process, seen from outside.  Where that is allowed to its ancestors alone (Yama) the
 * worker asks the keeper.
 */
#ifndef PELORUS_TRAP_TASK_H
#define PELORUS_TRAP_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The process of a thread, or -errno. */
pid_t task_process_of(pid_t tid);

/*
 * A number of ours for what `fd` is there, to be closed soon; or -errno, of which -EAGAIN (as of
 * task_read(), too) tells nothing: the keeper does not answer now.
 */
int task_take(pid_t tid, int fd);

/*
 * ... and who has it from now on: the thread's process, which outlives it; or itself, if it has files
 * of its own, or the process's first thread has ended.
 */
int task_take_of(pid_t tid, int fd, pid_t *ret_owner);

/* Its memory; how much was read, or -errno. */
ssize_t task_read(pid_t tid, uint64_t from, void *to, size_t n);

/* True if it was built by Go; its file is looked at once. */
bool task_is_go(pid_t tgid);

/* True if a signal waits for this thread to come out of its call. */
bool task_has_signal(pid_t tgid, pid_t tid);

/* True if it runs, or would if there were a processor, or a disk, for it. */
bool task_would_run(pid_t pid);

/* True if SIGPIPE would end it. */
bool task_dies_of_sigpipe(pid_t tgid);

/* The worker's end of its line to the keeper; -1: there is none. */
void task_ask_by(int line);

/* The keeper's part: answers one question that came by its end of the line. */
void task_help(int line);

#endif
