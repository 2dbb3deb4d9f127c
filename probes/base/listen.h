/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen, as the configuration says it: ADDRESS:PORT, [ADDRESS]:PORT, or unix:PATH. */
#ifndef LISTEN_H
#define LISTEN_H

#include <sys/socket.h>
#include <sys/types.h>

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t size;
};

/* Numeric addresses, a port above 0, absolute paths.  0 or -EINVAL. */
int listen_parse(const char *word, struct listen_address *ret);

/*
 * A socket that does not block; `mode` is that of a path.  A path that an earlier one left is
 * taken; one where somebody listens, or that is no socket, is not: -EADDRINUSE.  Or another -errno.
 */
int listen_open(const struct listen_address *address, mode_t mode);

#endif
