/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the block of virtual addresses is free on this host: proxies use it too. */
#ifndef PELORUS_LIB_PROBER_NETCHECK_H
#define PELORUS_LIB_PROBER_NETCHECK_H

#include <stdbool.h>
#include <stdint.h>

/* True if a route or a local address lies in the block.  Reads one file of /proc. */
bool netcheck_is_taken(uint32_t net4, unsigned bits);

/* Pure: the same of one line of /proc/net/fib_trie. */
bool netcheck_line_is_in(const char *line, uint32_t net4, unsigned bits);

#endif
