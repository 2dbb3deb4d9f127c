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
struct warm_shown; /* cluster/cluster.h */

struct engine_options {
	struct loop *loop;
	struct log *log;       /* may be NULL */
	struct events *events; /* for notices; may be NULL */
	const struct config
		*config; /* stays the caller's; valid until engine_reload() or _free() */
	int dirfd;       /* runtime directory, whose lock the caller holds */
	mode_t map_mode; /* of the map: 0600, or 0444 for all users */
	const char
		*defaults_file; /* my.cnf to read [client] and [pelorus] from; NULL: usual ones */
	bool no_option_files;   /* reads none of them */
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

/* Nobody wants the name any more: a cluster without wanted names, and not configured, is dropped. */
void engine_unfollow(struct engine *e, const char *name);

/*
 * A client saw a refused write or a lost connection, or the name's address `refused` it.  1 if it
 * bought a round of questions, 0 if there is or just was one, -ENOENT if the name is not followed.
 */
int engine_hint(struct engine *e, const char *name, bool refused);

/* Asks every instance of the name's cluster, or of all (NULL), now.  0, -ENOENT. */
int engine_refresh(struct engine *e, const char *name);

/* Admission of an instance by hand.  0; -ENOENT: no such name or instance. */
int engine_admit(struct engine *e, const char *name, const char *id, enum pel_admission admission);

/*
 * Warms an instance by hand; `from` as warm-up in the configuration, NULL: what stands there.  0;
 * -ENOENT: no such name or instance; -EINVAL: no source; -EBUSY: it is being warmed; -ENOTCONN: it
 * does not answer.
 */
int engine_warm(struct engine *e, const char *name, const char *id, const char *from);

/* 0; -ENOENT: no such name or instance; -ENODATA: it was not warmed of late. */
int engine_warm_look(struct engine *e, const char *name, const char *id, struct warm_shown *ret);

/* A new configuration takes the place of the old one, which may be freed after this. */
int engine_reload(struct engine *e, const struct config *config);

/*
 * An RDS token for `user` at a followed name, with the key that its cluster has from AWS.  0;
 * -ENOENT: not followed, or not configured for it; -EAGAIN: no key yet; -ENOBUFS.
 */
int engine_token(struct engine *e, const char *name, uint16_t port, const char *user, char *ret,
	size_t size);

/* The ring of events has a new one: for those who want notices. */
void engine_event_added(struct engine *e);

/* True if nobody is followed. */
bool engine_is_idle(const struct engine *e);

/* The first name of the cluster that has a name of this hash, valid until the loop goes on; or NULL. */
const char *engine_cluster_of(const struct engine *e, uint64_t name_hash);

/* Clusters as a JSON array, for `status`; to be freed.  NULL if there is no memory. */
char *engine_status(const struct engine *e);

#endif
