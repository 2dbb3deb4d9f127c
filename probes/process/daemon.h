/* SPDX-License-Identifier: Apache-2.0 */
/* The way into the background, and what a process sheds that was started by a stranger. */
#ifndef DAEMON_H
#define DAEMON_H

/*
 * Closes what was inherited beside the standard descriptors, puts signals back to their defaults,
 * takes as many descriptors as it may, and lets nobody read its memory.  Call it first.
 */
void daemon_shed(void);

/*
 * Forks; the child leaves session, directory and terminal.  Returns in the child with a descriptor
 * that takes one byte, the exit status with which the parent then ends; -errno if it cannot.
 */
int daemon_detach(void);

#endif
