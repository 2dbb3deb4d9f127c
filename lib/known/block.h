/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block that virtual addresses lie in: the first map that is attached may name another than the
 * usual one, until the first address is handed out.
 */
#ifndef PELORUS_LIB_KNOWN_BLOCK_H
#define PELORUS_LIB_KNOWN_BLOCK_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct block {
	uint32_t net4; /* host order */
	uint32_t bits4;
	uint32_t bits6;
	uint8_t net6[16];
};

const struct block *block_get(void);

/* What is no block, or comes too late, is ignored. */
void block_set(const struct block *block);

/* An address is handed out: the block stays. */
void block_fix(void);
bool block_is_fixed(void);

/* Whether the block is in use on this host or its network, as far as anybody has looked. */
enum block_use { BLOCK_UNSEEN = 0, BLOCK_FREE, BLOCK_TAKEN };
enum block_use block_use(void);
void block_note_use(enum block_use use);

/* True for an address in it: the quick look that every connect() takes. */
bool block_has(const struct pel_addr *addr);
bool block_has_sockaddr(const struct sockaddr *addr, socklen_t len);

/* True if the address (the port is not looked at) is the virtual one of a name's hash. */
bool block_is_of(const struct pel_addr *addr, uint64_t hash);

#endif
