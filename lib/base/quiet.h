/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host's thread is left as it was found.
 *
 * errno is put back.  A thread that is cancelled in one of our system calls would keep a lock or
 * leave a descriptor open for ever: it is cancelled behind them, where the program's own calls are.
 */
#ifndef PELORUS_LIB_BASE_QUIET_H
#define PELORUS_LIB_BASE_QUIET_H

#include <stddef.h>
#include <sys/types.h>

struct quiet {
	int error;
	int cancel;
};

struct quiet quiet_begin(void);
void quiet_end(struct quiet quiet);

/*
 * Writes at an offset, or where the descriptor stands if that is below 0.  Neither a pipe that nobody reads
 * nor a limit on the size of files sends the host a signal.
 */
ssize_t quiet_write(int fd, const void *buf, size_t n, off_t at);

/* Adds a line to a file, which may be new, in one write that never blocks.  What goes wrong is lost. */
void quiet_add(const char *path, const char *line);

#endif
