/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's parts among themselves.
 *
 *   engine.c          the list of clusters: follow, hint, reload; the map's heartbeat
 *   cluster.c         one cluster: settles what changed, drives the schedule, publishes
 *   cluster/names.c   its names: DNS questions, aliases
 *   cluster/probe.c   its instances: connections, questions, answers
 *   cluster/health.c  the close look, and the glue to health.h
 *   cluster/inherit.c what the earlier worker published, against what is known now
 *   cluster/scout.c   the connection to where DNS leads, before or beside the members
 *   cluster/warm.c    the warm-up of its new readers (warm/run.c, warm/source.c)
 *   cluster/say.c     its changes as lines of the log
 *   remote.c   what speaks HTTP: coordinators, clouds, notices
 *   status.c   everything as JSON
 *
 * Every callback feeds the pure logic, gathers its change bits with cluster_note(), and leaves what
 * follows from them to cluster_settle(), which runs once per round from a timer.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "logic/dialect/dialect.h"
#include "engine.h"
#include "logic/health.h"
#include "map/write.h"
#include "mysql/link.h"
#include "remote/remote.h"
#include "net/resolve.h"
#include "logic/schedule.h"
#include "logic/topology/topology.h"
#include "warm/source.h"

struct cluster;

struct probe {
	struct cluster *cluster;
	uint8_t slot;
	bool used;
	struct link first;  /* the one that questions use */
	struct link second; /* the close look's, or to an address that the host moved to */
	uint8_t asking;     /* enum schedule_kind of the question under way on `first` */
	bool old_words;     /* its server parses the dialect's table_else alone */
	bool scheduled;     /* the schedule knows it */
	struct health health;
	uint64_t health_due_ns;
	char host[PEL_NAME_MAX];
	struct resolve_query *query;
	uint64_t host_asked_ns; /* 0: ask now */
	uint64_t opened_ns;     /* when `second` was last tried */
};

struct name_watch {
	bool used;
	bool wanted; /* somebody follows it, or the configuration names it */
	struct cluster *cluster;
	uint8_t index; /* of topology.h */
	char text[PEL_NAME_MAX];
	struct resolve_query *query;
	uint64_t asked_ns;
	uint64_t due_ns;
};

/* Of this worker's life, in one cluster. */
struct warm_totals {
	uint64_t runs, failures,
		time_outs; /* warm-ups that began; that came to nothing; given up */
	uint64_t statement_failures, statements_refused;
};

struct cluster {
	struct engine *engine;
	unsigned record; /* of the map */
	bool inherited;  /* the record still says what the earlier worker knew */
	uint64_t born_ns;
	char key[PEL_NAME_MAX]; /* names with the same key are of the same cluster */
	const struct config_cluster *config;
	const struct dialect *dialect;
	struct links links;
	struct topology topology;
	struct schedule schedule;
	struct probe probes[PEL_MAP_INSTANCES];
	struct name_watch names[PEL_MAP_NAMES];
	struct link scout;
	uint8_t scout_question;
	char refusal
		[256]; /* of a question, in the server's words, since the last answer; "": none */
	struct evidence scout_evidence;
	uint64_t scout_due_ns;
	unsigned bits;        /* TOPOLOGY_* since the last settling */
	uint64_t data_due_ns; /* when data alone is published; 0: none is waiting */
	struct loop_timer timer;
	uint64_t paused_until_ns; /* of the last pause that was dealt with */
	bool settling;
	bool alarm;
	bool alarm_anew;         /* something fresh has happened: a tired alarm begins anew */
	uint64_t alarm_until_ns; /* at least */
	enum remote_fleet fleet;
	uint64_t fleet_asked_ns;               /* when the fleet's leader last bought a round */
	struct warm *warms[PEL_MAP_INSTANCES]; /* by slot; see cluster/warm.c */
	struct warm_totals warm_totals;
	struct warm_memory warm_memory;
	bool lag_told;           /* it was said that the servers do not tell their lag */
	struct rds_view *listed; /* what the control plane said; NULL: nothing */
	uint64_t listed_for;     /* to which writer and names it was last applied */
	struct pel_hot said;     /* as of the last line in the log */
	struct pel_cold said_cold;
};

/* A name of which the first answer of DNS is awaited, to see whose it is. */
struct pending {
	struct engine *engine;
	char text[PEL_NAME_MAX];
	uint16_t port;
	struct resolve_query *query;
	struct credential *credential; /* or NULL */
};

struct engine {
	struct engine_options options;
	struct loop *loop;
	struct log *log;
	const struct config *config;
	struct resolver *resolver;
	struct map_write *map;
	struct remote_module remote;
	uint64_t events_seen;
	struct health_witness witness;
	struct cluster *clusters[PEL_MAP_CLUSTERS];
	struct pending *pending[PEL_MAP_CLUSTERS];
	struct loop_timer beat;
};

/* cluster.c */
int cluster_new(struct engine *e, const char *name, const char *key,
	const struct config_cluster *config, uint16_t port, struct cluster **ret);
void cluster_free(struct cluster *c, bool release_record);
void cluster_note(struct cluster *c, unsigned bits);
void cluster_kick(struct cluster *c);
void cluster_alarm(struct cluster *c);
void cluster_drop_links(struct cluster *c, const struct link *but);
uint64_t cluster_now(const struct cluster *c);
int cluster_configure(struct cluster *c, const struct config_cluster *config);
void cluster_credentials_load(struct cluster *c);

/* cluster/names.c */
int cluster_add_name(struct cluster *c, const char *name, enum pel_role role, uint16_t port);
struct name_watch *cluster_find_name(struct cluster *c, const char *name);
void cluster_names_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_names_deadline(const struct cluster *c);
void cluster_names_hurry(struct cluster *c);
void cluster_names_free(struct cluster *c);
/* The key of a name by its form or by where its aliases lead; its role.  False if it is its own. */
bool name_key(const char *name, char ret[static PEL_NAME_MAX], enum pel_role *ret_role);

/* cluster/probe.c */
void cluster_probes_sync(struct cluster *c);
void cluster_probes_move(struct cluster *c);
void cluster_probes_free(struct cluster *c);
void probe_act(struct probe *p, enum schedule_kind kind);
void probe_adopt(struct probe *p, struct link *link, const struct evidence *e);
void probe_second_open(struct probe *p);
void probe_first_drop(struct probe *p, bool by_peer);
void probe_hosts_tick(struct cluster *c, uint64_t now_ns);
uint64_t probe_hosts_deadline(const struct cluster *c);
const char *probe_host(const struct probe *p);

/* cluster/health.c */
void cluster_health_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_health_deadline(const struct cluster *c);
void probe_health_failed(struct probe *p, const struct member_failure *failure);

/* cluster/inherit.c */
enum cluster_inherited {
	CLUSTER_INHERITED_OPEN = 0, /* not enough is known yet */
	CLUSTER_INHERITED_SAME,     /* the same writer, and everybody else is there */
	CLUSTER_INHERITED_OTHER,    /* another writer */
};
enum cluster_inherited cluster_inherited_compare(const struct pel_hot *was,
	const struct pel_hot *is);

/* cluster/scout.c */
void cluster_scout_tick(struct cluster *c, uint64_t now_ns);
/* The evidence in an answer, by the cluster's dialect.  0; -ENODATA: it has none; -errno. */
int cluster_read(const struct cluster *c, const struct link *link, enum dialect_question question,
	const struct member_answer *answer, struct evidence *ret);

/* engine.c: the cluster of a name, or NULL */
struct cluster *engine_find(struct engine *e, const char *name);

/* remote.c */
void engine_remote_configure(struct engine *e);
/* Applies what the control plane said to the names and the writer of now. */
void engine_remote_list(struct cluster *c);

/* cluster/warm.c */
void cluster_warm_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_warm_deadline(const struct cluster *c);
void cluster_warm_free(struct cluster *c);
/* By hand: `from` NULL is the configured source.  0; -ENOENT, -EINVAL, -EBUSY, -ENOTCONN. */
int cluster_warm_begin(struct cluster *c, unsigned slot, const char *from);
bool cluster_warm_look(const struct cluster *c, unsigned slot, struct engine_warm *ret);

/* cluster/say.c */
void cluster_say_changes(struct cluster *c, const struct pel_hot *hot, const struct pel_cold *cold);

#endif
