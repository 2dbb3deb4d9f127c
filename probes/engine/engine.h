/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: what pelorusd does between the control socket and the map.
 *
 * For each followed cluster it asks DNS, finds its way in with the credentials that it was given,
 * keeps one connection to each instance, feeds all that it hears to the pure logic (topology.h,
 * health.h, schedule.h), and publishes what comes out.  It owns the map's writer and beats it.
 *
 * One thread, on the loop.  No call here blocks or calls back into its caller.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "config/config.h"
#include "mysql/credentials.h"
#include "base/events.h"
#include "base/log.h"
#include "base/loop.h"

#include <sys/types.h>

struct engine;
struct cluster; /* cluster/cluster.h */

struct engine_options {
	struct loop *loop;
	struct log *log;       /* may be NULL */
	struct events *events; /* for notices; may be NULL */
	const struct config
		*config;       /* stays the caller's; valid until engine_reload() or _free() */
	int dirfd;             /* runtime directory, whose lock the caller holds */
	mode_t map_mode;       /* of the map: 0600, or 0444 for all users */
	uint16_t park4, park6; /* ports that never answer, for the map */
	const char
		*defaults_file; /* my.cnf to read [client] and [pelorus] from; NULL: usual ones */
	bool no_option_files;   /* reads none of them */
	struct switches *switches; /* engine/switches.h: of all workers */
};

/*
 * Opens the map and starts what the configuration names.  A young map of an earlier worker is taken
 * over: what it says of a name stays until that name is followed again and known better.
 */
int engine_new(const struct engine_options *options, struct engine **ret);

/* Ends all connections.  `orderly`: tells the readers of the map that there is no prober now. */
void engine_free(struct engine *e, bool orderly);

/*
 * Follows a name (any spelling; port 0: the configured one, else 3306), with a credential or NULL.
 * Following again is cheap, and adds the credential if it is new.  0; -EINVAL: no host name;
 * -ENOTSUP: a kind of endpoint that is left alone; -ENOSPC: the map is full.
 */
int engine_follow(struct engine *e, const char *name, uint16_t port,
	const struct credential *credential);

/* Whether the port of a name in normal form's cluster is known: another user's word is for nothing. */
bool engine_has_port(const struct engine *e, const char *name);

/* Nobody wants the name any more: a cluster without wanted names, and not configured, is dropped. */
void engine_unfollow(struct engine *e, const char *name);

/* The cluster of a name in any spelling, valid until the loop goes on, and the normal form; or NULL. */
struct cluster *engine_find(const struct engine *e, const char *name,
	char ret_normal[static PEL_NAME_MAX]);

/* The same by a name's hash, and the name; NULL if there is none. */
struct cluster *engine_find_hash(const struct engine *e, uint64_t name_hash, const char **ret_name);

/* Asks every instance of the name's cluster, or of all (NULL), now.  0, -ENOENT. */
int engine_refresh(struct engine *e, const char *name);

/*
 * Has a name's cluster (NULL: all) go where DNS leads, or no longer.  0; -EINVAL: no host name;
 * -EBUSY: all are off; -ENOSPC: so many are already.  *ret_kept: 0, or -errno: the next daemon will not
 * know of it.
 */
int engine_switch(struct engine *e, const char *name, bool off, int *ret_kept);
bool engine_is_off(const struct engine *e);

/* As map_write_drill(). */
void engine_drill(struct engine *e, int32_t pid, uint64_t of);

/* A new configuration takes the place of the old one, which may be freed after this. */
int engine_reload(struct engine *e, const struct config *config);

/* What is held is counted anew: all clusters' waits of now are none.  True if one has no writer. */
bool engine_count_anew(struct engine *e);

/* Number i of its clusters, valid until the loop goes on, or NULL; i is below PEL_MAP_CLUSTERS. */
struct cluster *engine_cluster(const struct engine *e, unsigned i);

/* How many sockets of this host are tracked or held, for the map. */
void engine_crowd(struct engine *e, uint64_t sockets);

/* The ring of events has a new one: for those who want notices. */
void engine_event_added(struct engine *e);

/* Clusters as a JSON array, for `status`; to be freed.  NULL if there is no memory. */
char *engine_status(const struct engine *e);

#endif
