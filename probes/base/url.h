/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of sources, and HOST:PORT as coordinators write it.  Pure. */
#ifndef URL_H
#define URL_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define URL_MAX 1024

struct url {
	bool tls; /* https */
	uint16_t port;
	char host[PEL_NAME_MAX]; /* normal form, or a numeric address without brackets */
	char authority[PEL_NAME_MAX +
		16];        /* the Host header: with the port if it is not the usual */
	char path[URL_MAX]; /* with the query; at least "/" */
};

/*
 * Reads http:// or https://; a fragment, a user in front of the host, blanks and control characters
 * are refused.  0 or -EINVAL.
 */
int url_parse(const char *text, struct url *ret);

#define URL_HOSTS 9
#define URL_ZOOKEEPER "zookeeper://"

/* The members of a ZooKeeper ensemble, and a node in it. */
struct url_ensemble {
	unsigned n;
	struct url_member {
		char host[PEL_NAME_MAX]; /* as above */
		uint16_t port;
	} list[URL_HOSTS];
	char path[URL_MAX]; /* as ZooKeeper takes it */
};

/* Reads zookeeper://HOST[:PORT],.../PATH.  0 or -EINVAL. */
int url_parse_ensemble(const char *text, struct url_ensemble *ret);

/* Whether what is said to a host stays on this one, or within its cloud's metadata service. */
bool url_is_near(const char *host);

/*
 * Whether it may be asked: https always, http only on this host and at the cloud's link-local
 * metadata addresses, unless `allow_http`.
 */
bool url_is_allowed(const struct url *url, bool allow_http);

/*
 * "host:port", "host", "[v6]:port", "v6"; *ret_port 0 if none is given.  The host comes in normal
 * form, or as a numeric address.  0 or -EINVAL.
 */
int url_parse_host(const char *text, char ret_host[static PEL_NAME_MAX], uint16_t *ret_port);

/* A decimal port from 1 to 65535, and nothing behind it.  0 or -EINVAL. */
int url_parse_port(const char *text, uint16_t *ret);

#endif
