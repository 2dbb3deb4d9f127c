/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the block of virtual addresses is free on this host: proxies use it too. */
#ifndef PELORUS_LIB_PROBER_NETCHECK_H
#define PELORUS_LIB_PROBER_NETCHECK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True if a local address lies in the block, or a route that leads anywhere: one that refuses what is
 * sent there may be the prober's own.  Reads one file of /proc.
 */
bool netcheck_is_taken(uint32_t net4, unsigned bits);

/*
 * Pure: the same of one line of /proc/net/fib_trie, where the address stands before what it is;
 * `inside` is kept from line to line.
 */
bool netcheck_line_takes(const char *line, uint32_t net4, unsigned bits, bool *inside);

#endif
