/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of endpoints: their kind by form, their normal form, and the virtual address of each.
 * Pure functions, the same for the library, the prober and the command.
 */
#ifndef PELORUS_LIB_COMMON_NAMES_H
#define PELORUS_LIB_COMMON_NAMES_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pel_kind {
	PEL_KIND_OTHER = 0, /* not an endpoint that the form tells */
	PEL_KIND_WRITER,    /* NAME.cluster-ID. */
	PEL_KIND_READER,    /* NAME.cluster-ro-ID. */
	PEL_KIND_CUSTOM,    /* NAME.cluster-custom-ID. */
	PEL_KIND_GLOBAL,    /* NAME.global-ID.global. : the writer of a global cluster */
	PEL_KIND_INSTANCE,  /* NAME.ID. : never redirected */
	PEL_KIND_PROXY,     /* NAME.proxy-ID. : left alone */
	PEL_KIND_SHARDS,    /* NAME.shardgrp-ID. : left alone */
};

/*
 * Lower case, without the trailing dot.  -EINVAL for what is not a host name (empty, too long, a
 * label over 63, a character that is none of [a-z0-9_-.]).
 */
int pel_name_normalise(const char *name, char ret[static PEL_NAME_MAX]);

/* The kind of a name in normal form. */
enum pel_kind pel_name_kind(const char *name);

/* The role that the form of a name gives it; PEL_ROLE_UNKNOWN for kinds that have none. */
enum pel_role pel_kind_role(enum pel_kind kind);

/* 64-bit hash of a name in normal form; never 0. */
uint64_t pel_name_hash(const char *name);

/*
 * The domain under which the instances of an Aurora endpoint live ("abc.us-east-1..." of
 * "x.cluster-abc.us-east-1..."), as a pointer into `name`; NULL where the form does not tell.
 */
const char *pel_name_instance_domain(const char *name);

/* The host name of an instance: id + "." + domain, or `pattern` with its '?' replaced by the id. */
int pel_name_of_instance(const char *id, const char *domain, const char *pattern,
	char ret[static PEL_NAME_MAX]);

/* True for one DNS label (letters, digits, inner hyphens, 1 to 63): what a server id must be. */
bool pel_name_is_label(const char *text);

/*
 * The virtual address of a hash: a fixed place in the block, never its network, broadcast or first
 * address.  The block is net/bits (IPv4, host order), or the first bits of net6.
 */
uint32_t pel_virtual4(uint64_t hash, uint32_t net, unsigned bits);
void pel_virtual6(uint64_t hash, const uint8_t net6[static 16], unsigned bits,
	uint8_t ret[static 16]);
bool pel_is_virtual4(uint32_t addr, uint32_t net, unsigned bits);
bool pel_is_virtual6(const uint8_t addr[static 16], const uint8_t net6[static 16], unsigned bits);

#define PEL_VNET4 0xc6120000u /* 198.18.0.0/16, RFC 2544 */
#define PEL_VNET4_BITS 16u
#define PEL_VNET6                                                                                  \
	{                                                                                          \
		0x20, 0x01, 0x00, 0x02                                                             \
	} /* 2001:2::/48, RFC 5180 */
#define PEL_VNET6_BITS 48u

#endif
