/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf and hosts, from text.  Pure. */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define DNS_SERVERS 3
#define DNS_SEARCH 6

struct dns_conf {
	unsigned n_servers;
	struct pel_addr servers[DNS_SERVERS]; /* with port */
	unsigned n_search;
	char search[DNS_SEARCH][PEL_NAME_MAX];
	unsigned ndots;
};

/* Without a server in the text it is 127.0.0.1, as in libc. */
void dns_conf_parse(const char *text, struct dns_conf *ret);

/* The addresses of a name in normal form in the text of /etc/hosts; their number. */
unsigned dns_hosts_find(const char *text, const char *name, unsigned max, struct pel_addr *ret);

/*
 * The i-th full name to try for `name`, as libc would; false if there are no more.
 */
bool dns_conf_candidate(const struct dns_conf *conf, const char *name, unsigned i,
	char ret[static PEL_NAME_MAX]);

/* A numeric address, IPv6 with an optional scope; false for anything else. */
bool dns_addr_parse(const char *text, struct pel_addr *ret);

#endif
