/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP connections of this network namespace, as the kernel tells them, and whose they are. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <pelorus/map.h>

#include <sys/types.h>

struct open_socket {
	uint64_t inode;
	struct pel_addr peer;
	uint32_t idle_ms; /* nothing was sent or received for so long */
};

struct open_sockets {
	size_t n;
	struct open_socket *list; /* by inode */
};

/* The established ones.  0 or -errno; to be freed in any case. */
int open_sockets_read(struct open_sockets *ret);
void open_sockets_free(struct open_sockets *s);

/* Those that a process has; how many, or -errno: not everybody may look into it, nor from everywhere. */
typedef void open_socket_found(void *ctx, const struct open_socket *socket);
int open_sockets_of(const struct open_sockets *s, pid_t pid, open_socket_found *found, void *ctx);

#endif
