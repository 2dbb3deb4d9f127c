/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coordinators say of a cluster, read from the body of one answer.  Pure.
 *
 * Nothing here is believed: hosts are checked against the allowed pattern, and whoever is named
 * primary has still to say of itself that it is.
 */
#ifndef COORDINATOR_PARSE_H
#define COORDINATOR_PARSE_H

#include "config/config.h"
#include "remote/views.h"

#include <stddef.h>

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

/* Whether it is the name of a session of Consul: a UUID, and fit for a URL. */
bool coordinator_is_session(const char *id);

/* A sentence for people. */
const char *coordinator_verdict_text(enum coordinator_verdict verdict);

#endif
