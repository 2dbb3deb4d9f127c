/* SPDX-License-Identifier: Apache-2.0 */
/* A prober for this user: found at work, or started. */
#ifndef PELORUS_TOOLS_PROBER_H
#define PELORUS_TOOLS_PROBER_H

#include <limits.h>
#include <stdbool.h>

/* True if a prober answers in the runtime directory of this process's environment. */
bool prober_is_at_work(void);

/*
 * Makes sure that one is at work, and waits until it is: pelorusd itself returns only then.  The
 * names in `follows` (NULL-terminated) are followed from the start if it has to be started.  0;
 * -ECANCELED if PELORUS_PROBER is off, -ENOENT without a pelorusd, -ETIMEDOUT, -EPROTO if it gave
 * up, -errno.
 */
int prober_ensure(const char *const *follows);

/* $PELORUS_PROBER, or the pelorusd that belongs to this command.  0, -ECANCELED, -errno. */
int prober_find(char ret[static PATH_MAX]);

#endif
