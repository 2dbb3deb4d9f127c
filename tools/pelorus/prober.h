/* SPDX-License-Identifier: Apache-2.0 */
/* A prober for this user: found at work, or started. */
#ifndef PELORUS_TOOLS_PROBER_H
#define PELORUS_TOOLS_PROBER_H

#include <limits.h>

/*
 * Makes sure that one is at work and follows the names in `follows` (NULL-terminated), and waits
 * until it is: pelorusd itself returns only then.  0; -ECANCELED if PELORUS_PROBER is off, -ENOENT
 * without a pelorusd, -ETIMEDOUT, -EPROTO if it gave up, -errno.
 */
int prober_ensure(const char *const *follows);

/* $PELORUS_PROBER, or the pelorusd that belongs to this command.  0, -ECANCELED, -errno. */
int prober_find(char ret[static PATH_MAX]);

#endif
