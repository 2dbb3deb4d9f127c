/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the person at the terminal, whatever standard input and output are. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One line, without its end; what is typed is shown only with `echo`.  Whatever ends this, Ctrl-C and
 * other signals too, the terminal is as it was before.  0; -ENXIO: there is no terminal; -ENOSPC: the
 * line is longer than fits; -EIO: it ended; -errno.
 */
int terminal_ask(const char *prompt, bool echo, char *ret, size_t size);

#endif
