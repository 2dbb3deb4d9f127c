/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's parts among themselves. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "cluster/cluster.h"
#include "engine.h"
#include "logic/health.h"
#include "map/write.h"
#include "net/resolve.h"
#include "switches.h"

#define PENDING_CREDENTIALS 4 /* the first of those who follow it meanwhile */

#define PENDING_MAX (PEL_MAP_CLUSTERS * PEL_MAP_NAMES)
#define PENDING_AT_ONCE 64 /* are asked for; the others wait for their turn */

/* A name of which the first answer of DNS is awaited, to see whose it is. */
struct pending {
	struct pending *next;
	struct engine *engine;
	char text[PEL_NAME_MAX];
	uint16_t port;
	struct resolve_query *query; /* NULL: it waits */
	unsigned n_credentials;
	struct credential *credentials[PENDING_CREDENTIALS];
};

struct engine {
	struct engine_options options;
	struct cluster_options shared; /* with the clusters */
	const struct config *config;
	struct remote_module remote;
	struct health_witness witness;
	struct cluster *clusters[PEL_MAP_CLUSTERS];
	struct switches *switches;
	bool unread;             /* their file, so far */
	struct pending *pending; /* as they came */
	struct loop_timer beat;
};

struct cluster *engine_find_key(struct engine *e, const char *key);

/* Puts a name to the cluster of that key. */
int engine_attach(struct engine *e, const char *name, const char *key, enum pel_role role,
	uint16_t port, const struct credential *credential);

/* pending.c: asks DNS once, and then puts the name to its cluster with all credentials that came. */
int pending_start(struct engine *e, const char *name, uint16_t port,
	const struct credential *credential);
void pending_end(struct pending *p);

/* Tells the map what is switched off, by hand or by the configuration. */
void engine_switches_apply(struct engine *e);

/* remote.c */
void engine_remote_configure(struct engine *e);

#endif
