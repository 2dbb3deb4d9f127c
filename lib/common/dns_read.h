/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and records of DNS messages (RFC 1035), as they come from whoever sent them.  Pure; every bound is
 * checked, and a pointer may only lead backwards.
 */
#ifndef PELORUS_LIB_COMMON_DNS_READ_H
#define PELORUS_LIB_COMMON_DNS_READ_H

#include <pelorus/map.h>

#include <stddef.h>
#include <stdint.h>

#define PEL_DNS_HEADER 12
#define PEL_DNS_QR 0x8000u
#define PEL_DNS_TC 0x0200u
#define PEL_DNS_IN 1

enum pel_dns_type {
	PEL_DNS_A = 1,
	PEL_DNS_CNAME = 5,
	PEL_DNS_SIG = 24,
	PEL_DNS_AAAA = 28,
	PEL_DNS_OPT = 41,
	PEL_DNS_RRSIG = 46,
	PEL_DNS_TSIG = 250,
};

struct pel_dns {
	const uint8_t *bytes;
	size_t size;
};

struct pel_dns_record {
	char owner[PEL_NAME_MAX]; /* empty: no name that a host can have */
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	size_t data;
	size_t data_size;
};

static inline unsigned pel_dns_get16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

/*
 * A name at `at`, in normal form; *ret_end is behind it.  0; -EINVAL: there is one, but no host can
 * have it; -EBADMSG.
 */
int pel_dns_name(const struct pel_dns *p, size_t at, char ret[static PEL_NAME_MAX],
	size_t *ret_end);

/* The record at *at, which is moved behind it: 0 or -EBADMSG. */
int pel_dns_record(const struct pel_dns *p, size_t *at, struct pel_dns_record *ret);

/* The target of `owner`'s alias among `count` records at `at`: 1 if there is one, 0, -EBADMSG. */
int pel_dns_alias(const struct pel_dns *p, size_t at, unsigned count, const char *owner,
	char ret[static PEL_NAME_MAX], uint32_t *ret_ttl_s);

#endif
