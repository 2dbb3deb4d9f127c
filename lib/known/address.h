/* SPDX-License-Identifier: Apache-2.0 */
/* struct pel_addr and the socket addresses of libc, to and fro.  Pure. */
#ifndef PELORUS_LIB_KNOWN_ADDRESS_H
#define PELORUS_LIB_KNOWN_ADDRESS_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv4 address in host order. */
static inline uint32_t address_number4(const struct pel_addr *a)
{
	return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 |
		a->ip[3];
}

/* IPv4, IPv6, and IPv4 mapped into IPv6 (which is family 4); false for any other. */
bool address_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct pel_addr *ret);

/* As a sockaddr of `family`: AF_INET, or AF_INET6, where IPv4 is mapped.  0 if it cannot be one. */
socklen_t address_to_sockaddr(const struct pel_addr *a, int family, struct sockaddr_storage *ret);

/* As text, IPv4 mapped into IPv6 if `mapped`. */
#define ADDRESS_TEXT 64
void address_to_text(const struct pel_addr *a, bool mapped, char ret[static ADDRESS_TEXT]);

#endif
