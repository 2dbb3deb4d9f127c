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

#include "lookup.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

bool answer_addrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret, int *ret_status);

/*
 * A lookup that gives a struct hostent.  `text` is what to look up in place of the name, and the answer
 * is to bear `name`.  If it is NULL, DNS has to be asked first, by the real function and once: what it
 * found goes to answer_host_learn(), which says whether there is such a text now.
 */
struct answer_host {
	struct lookup lookup;
	const char *text;
	const char *name;
	char buf[64];
};
bool answer_host_begin(struct answer_host *a, const char *name, int family);
bool answer_host_learn(struct answer_host *a, const struct hostent *found);

/* getnameinfo of an address that was handed out. */
bool answer_nameinfo(const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_len,
	char *service, socklen_t service_len, int flags, int *ret_status);

/*
 * `n` bytes have come in at a socket and look like an answer of DNS (rules/dns_answer.h): from port 53,
 * or from an unknown sender, which is then whoever the socket is connected to.  A followed name's
 * addresses in it become its virtual ones; errno is kept.
 */
void answer_received(int fd, void *bytes, size_t n, bool from_dns);

/*
 * The name behind an address that was handed out (`addr` as in gethostbyaddr), and the address as
 * text; or NULL.
 */
const char *answer_name_of(const void *addr, socklen_t len, int family, char ret_text[static 64]);

#endif
