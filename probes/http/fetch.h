/* SPDX-License-Identifier: Apache-2.0 */
/* One document fetched for the engine: see remote_ops.fetch in remote.h. */
#ifndef FETCH_H
#define FETCH_H

#include "http.h"
#include "remote/remote.h"

int fetch_start(struct http *http, const struct config_cluster *config, const char *url,
	const char *etag, void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret);

void fetch_cancel(struct remote_fetch *fetch);

#endif
