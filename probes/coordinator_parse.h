/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coordinators say of a cluster, read from the body of one answer.  Pure.
 *
 * Nothing here is believed: hosts are checked against the allowed pattern, and whoever is named
 * primary has still to say of itself that it is.
 */
#ifndef COORDINATOR_PARSE_H
#define COORDINATOR_PARSE_H

#include "config.h"

#include <stddef.h>
#include <stdint.h>

struct coordinator_host {
	char host[PEL_NAME_MAX]; /* normal form, or a numeric address */
	uint16_t port;           /* 0: not said */
	enum pel_role role;      /* WRITER (one at most) or READER */
};

struct coordinator_view {
	unsigned n;
	struct coordinator_host hosts[PEL_MAP_INSTANCES];
	bool leased;    /* etcd: the key goes when whoever wrote it does */
	uint64_t index; /* of a key-value store: the state that this was read from; 0: not said */
};

enum coordinator_verdict {
	COORDINATOR_OK = 0,
	COORDINATOR_NOTHING, /* well-formed, but names nobody: no such key, a watch's heartbeat */
	COORDINATOR_AGAIN,   /* the watch was ended from there: read the whole anew */
	COORDINATOR_GARBAGE, /* not the format, too large, too many */
	COORDINATOR_TWO,     /* names more than one primary */
	COORDINATOR_OUTSIDE, /* names a host outside the allowed pattern */
};

/*
 * `pattern` (fnmatch, any case; NULL or "": any host) is what a host has to match.  *ret is touched
 * only with COORDINATOR_OK; its index also with COORDINATOR_NOTHING.
 */
enum coordinator_verdict coordinator_parse(enum coordinator_format format, const char *body,
	size_t n, const char *pattern, struct coordinator_view *ret);

/* A sentence for people. */
const char *coordinator_verdict_text(enum coordinator_verdict verdict);

#endif
