/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a connection under its owner, who holds the descriptor and knows nothing of it. */
#ifndef PELORUS_LIB_CONNECTIONS_CUT_H
#define PELORUS_LIB_CONNECTIONS_CUT_H

#include <stdbool.h>
#include <stdint.h>

/* Ends the connection if `fd` still is that socket.  0, or -ESTALE if it is another, or none. */
int cut_socket(int fd, uint64_t cookie);

/* Takes a socket back to unconnected, so that connect() may be called on it again. */
bool cut_for_retry(int fd);

#endif
