/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One followed cluster: asks DNS, logs in to its instances, feeds what it hears to the pure logic,
 * and publishes what comes out in its record of the map.
 *
 * One thread, on the loop.  No call here blocks or calls back into its caller.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "base/log.h"
#include "base/loop.h"
#include "config/config.h"
#include "config/credential.h"
#include "remote/remote.h"

#include <stdio.h>

struct cluster;
struct health_witness;
struct map_write;
struct resolver;

/* What all clusters share; it outlives them. */
struct cluster_options {
	struct loop *loop;
	struct log *log; /* may be NULL */
	struct resolver *resolver;
	struct map_write *map;
	struct remote_module *remote;
	struct health_witness *witness;
	const char *defaults_file; /* my.cnf; NULL: the usual ones */
	bool no_option_files;
	void (*left)(void *ctx); /* some cluster has a cluster_leaver() */
	void *ctx;
};

/*
 * A cluster for this name, which is followed next; `key` is what all its names share.  0; -ENOSPC:
 * the map is full; -ENOMEM.
 */
int cluster_new(const struct cluster_options *options, const char *name, const char *key,
	const struct config_cluster *config, uint16_t port, struct cluster **ret);

/* Ends everything; without `release_record`, the map goes on saying what it says.  NULL is ignored. */
void cluster_free(struct cluster *c, bool release_record);

/* A new configuration, which stays the caller's. */
void cluster_reload(struct cluster *c, const struct config_cluster *config);

/* Whether it is switched off by hand; what the configuration says of its mode holds else. */
void cluster_switch(struct cluster *c, bool off);

const struct config_cluster *cluster_config(const struct cluster *c);
const char *cluster_key(const struct cluster *c);

/* The key of a name by its form or by where its aliases lead; its role.  False if it is its own. */
bool name_key(const char *name, char ret[static PEL_NAME_MAX], enum pel_role *ret_role);

/* The first name, by which it goes in the log. */
const char *cluster_name(const struct cluster *c);

/* Its record of the map. */
unsigned cluster_record(const struct cluster *c);

/* Whether a name in normal form is one of its names; the one of this hash, or NULL; its role. */
bool cluster_has_name(const struct cluster *c, const char *name);
const char *cluster_name_of(const struct cluster *c, uint64_t hash);
enum pel_role cluster_role_of(const struct cluster *c, const char *name);

/* At which its servers listen; whether anybody said so, or it is the usual one. */
uint16_t cluster_port(const struct cluster *c);
bool cluster_has_port(const struct cluster *c);

/* Whether its instances live in this domain. */
bool cluster_is_in(const struct cluster *c, const char *domain);

/*
 * Somebody follows this name, in normal form, and may bring a credential; the names that go with it
 * are followed too.  0; -ENOSPC: no room for another name.
 */
int cluster_follow(struct cluster *c, const char *name, enum pel_role role, uint16_t port,
	const char *key, const struct credential *credential);
void cluster_unfollow(struct cluster *c, const char *name);
bool cluster_is_followed(const struct cluster *c);

/* Its programs' connects that wait for a writer, as far as their slots tell; who counts writes it. */
struct cluster_waits {
	uint32_t held, programs;      /* now */
	uint32_t most, most_programs; /* at once, since it lost its writer */
	uint64_t waited, given_up;    /* in all; of those, in vain */
	uint32_t longest_ms;
};
struct cluster_waits *cluster_waits(struct cluster *c);

/* How often its writer was another since this was asked last. */
unsigned cluster_take_failovers(struct cluster *c);

/* Whether a writer is awaited, as published. */
bool cluster_is_writerless(const struct cluster *c);

/* Whether its servers refused that credential, and let another one in. */
bool cluster_is_useless(const struct cluster *c, const char *user, const char *password);

/* A program uses it: one that sleeps, by the configuration's `idle`, wakes up. */
void cluster_used(struct cluster *c);

/* Whether the same server is the writer of both: names that nobody could know to go together. */
bool cluster_is_same(const struct cluster *a, const struct cluster *b);

/*
 * The names of `from`, and what came with them, are of `to` as well; false if there is no room for
 * all of them.
 */
bool cluster_merge(struct cluster *to, const struct cluster *from);

/*
 * A name, from *at on, which moves on, that DNS leads to another cluster by now, and the endpoint that it is an alias of there
 * (empty: of none); it stays until it is moved.  False if there is none.
 */
bool cluster_leaver(const struct cluster *c, unsigned *at, char ret_name[static PEL_NAME_MAX],
	char ret_alias[static PEL_NAME_MAX]);

/* Moves it, with what came to log in with by its programs; both are published.  0; -ENOSPC. */
int cluster_move_name(struct cluster *from, struct cluster *to, const char *name,
	enum pel_role role);

/* There is no room anywhere for a name that leads elsewhere. */
void cluster_lose_name(struct cluster *c, const char *name);

/*
 * A client saw a refused write or a lost connection, or this name's address `refused` it.  1 if it
 * bought a round of questions, 0 if there is or just was one.
 */
int cluster_hint(struct cluster *c, const char *name, bool refused);

/* Asks every instance now. */
void cluster_refresh(struct cluster *c);

/*
 * An RDS token for `user` at a host, with the key that the cluster has from AWS.  0; -ENOENT: not
 * configured for it; -EAGAIN: no key yet; -ENOBUFS.
 */
int cluster_token(struct cluster *c, const char *host, uint16_t port, const char *user, char *ret,
	size_t size);

/* Admission of an instance by hand.  0; -ENOENT: no such instance. */
int cluster_admit(struct cluster *c, const char *id, enum pel_admission admission);

/*
 * Holds a reader, and publishes that; *ret_of: what a drill is told by to end the connections to it.  Not
 * without `force` where no other reader would take them.  With `look` it only tells whether it would.
 * 0, -ENOENT: no such instance; -EAGAIN: nothing is published yet by a prober that has just begun.
 */
enum cluster_drain { CLUSTER_DRAIN_WRITER = 1, CLUSTER_DRAIN_LAST };
int cluster_drain(struct cluster *c, const char *id, bool force, bool look, uint64_t *ret_of);

/* How the last warm-up of an instance went, or goes. */
struct warm_shown {
	const char *state; /* "waiting", "reading", "running", "done", "failed" */
	unsigned done, total, failed, refused;
	char text[200]; /* what went wrong; "": nothing */
};

/*
 * Warms an instance by hand; `from` as warm-up in the configuration, NULL: what stands there.  0;
 * -ENOENT: no such instance; -EINVAL: no source; -EBUSY: it is being warmed; -ENOTCONN: it does not
 * answer.
 */
int cluster_warm(struct cluster *c, const char *id, const char *from);

/* 0; -ENOENT: no such instance; -ENODATA: it was not warmed of late. */
int cluster_warm_look(const struct cluster *c, const char *id, struct warm_shown *ret);

/* What third parties say, as struct remote_core tells it: claims, which questions then verify. */
void cluster_take_words(struct cluster *c, const struct coordinator_view *view);
void cluster_take_list(struct cluster *c, const struct rds_view *view);
void cluster_take_credential(struct cluster *c, const struct credential *credential);
void cluster_take_tokens(struct cluster *c);
void cluster_take_fleet(struct cluster *c, enum remote_fleet fleet,
	const struct coordinator_view *said);

/* All of it as a JSON object, for `status`. */
void cluster_put_status(const struct cluster *c, FILE *out);

/* Warm-ups that began, that came to nothing, that were given up. */
struct warm_totals {
	uint64_t runs, failures, time_outs;
	uint64_t statement_failures, statements_refused;
};

/* Times without a writer that are over, by their length: up to cluster_gap_ms[i], or longer. */
#define CLUSTER_GAPS 10
extern const unsigned cluster_gap_ms[CLUSTER_GAPS - 1];
struct cluster_gaps {
	uint64_t n[CLUSTER_GAPS];
	uint64_t sum_ms;
};

/* What metrics are made of, of this worker's life; it points into the cluster. */
struct cluster_metrics {
	const char *name;
	const struct pel_hot *hot; /* as published */
	const struct pel_cold *cold;
	const char *credentials; /* a word of cluster_verdicts */
	const struct cluster_gaps *gaps;
	const struct warm_totals *warm;
	uint64_t writer_changes;
	enum pel_mode mode;
	bool in_fleet, leads_fleet;
};
extern const char *const cluster_verdicts[]; /* then NULL */
void cluster_metrics(const struct cluster *c, struct cluster_metrics *ret);

#endif
