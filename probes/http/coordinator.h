/* SPDX-License-Identifier: Apache-2.0 */
/* What a coordinator says of a cluster, however it is asked, and how long that counts. */
#ifndef COORDINATOR_H
#define COORDINATOR_H

#include "coordinator_parse.h"
#include "http.h"
#include "base/trouble.h"

struct coordinator {
	const struct http_cluster *of;
	struct trouble trouble;
	uint64_t failing_ns;              /* since when it is of no use; 0: it is */
	char allowed[CONFIG_ALLOWED_MAX]; /* pattern of hosts */
	struct coordinator_view view;     /* the last word that named somebody */
};

void coordinator_init(struct coordinator *c, const struct http_cluster *of);

/* Tells the core whom an answer names.  NULL; or why it is of no use, for coordinator_fail(). */
const char *coordinator_take(struct coordinator *c, const char *body, size_t n);

/* It answers, and names nobody: what is known stays. */
void coordinator_names_nobody(struct coordinator *c);

/* It is of no use.  How long to wait before it is asked again. */
uint64_t coordinator_fail(struct coordinator *c, const char *why);

#endif
