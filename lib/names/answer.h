/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers to lookups of followed names, as libc would give them.
 *
 * All of them are made by the real functions from an address as text, so that whoever frees them,
 * or does not have to, need not be known here.  Each returns false to say: not ours, or nothing
 * better than what the real function says; then that is to be called.
 */
#ifndef PELORUS_LIB_NAMES_ANSWER_H
#define PELORUS_LIB_NAMES_ANSWER_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

bool answer_addrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret, int *ret_status);

/*
 * What to look up in place of `name`, and the name that the answer is to bear; or NULL.  With an
 * unknown topology it asks DNS first.
 */
const char *answer_host(const char *name, int family, char buf[static 64], const char **ret_name);

/* getnameinfo of an address that was handed out. */
bool answer_nameinfo(const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_len,
	char *service, socklen_t service_len, int flags, int *ret_status);

/*
 * The name behind an address that was handed out (`addr` as in gethostbyaddr), and the address as
 * text; or NULL.
 */
const char *answer_name_of(const void *addr, socklen_t len, int family, char ret_text[static 64]);

#endif
