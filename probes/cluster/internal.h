/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster's parts among themselves.
 *
 *   cluster.c   settles what changed, drives the schedule, publishes
 *   configure.c what the configuration makes of it, at first and at a reload
 *   names.c     its names: who follows them, DNS questions, aliases
 *   probe.c     its instances: connections, questions, answers
 *   hosts.c     where they live: DNS questions for the host of each
 *   health.c    the close look, and the glue to health.h
 *   scout.c     the connection to where DNS leads, before or beside the members
 *   claims.c    what coordinators, the control plane and other hosts say
 *   bluegreen.c a blue/green switchover: its table, its steps, and the hold
 *   green.c     its green side: hosts, and a connection
 *   green_names.c  ... and what stands for DNS
 *   warm.c      the warm-up of its new readers (warm/run.h, warm/source.h)
 *   say.c       its changes as lines of the log
 *   status.c    all of it as JSON
 *
 * Every callback feeds the pure logic, gathers its change bits with cluster_note(), and leaves what
 * follows from them to cluster_settle(), which runs once per round from a timer.
 */
#ifndef CLUSTER_INTERNAL_H
#define CLUSTER_INTERNAL_H

#include "cluster.h"
#include "logic/bluegreen.h"
#include "logic/dialect/dialect.h"
#include "logic/health.h"
#include "map/write.h"
#include "logic/pace.h"
#include "mysql/link.h"
#include "remote/remote.h"
#include "net/resolve.h"
#include "logic/schedule.h"
#include "logic/topology/topology.h"
#include "warm/source.h"

struct probe {
	struct cluster *cluster;
	uint8_t slot;
	bool used;
	struct link first;  /* the one that questions use */
	struct link second; /* the close look's, or to an address that the host moved to */
	uint8_t asking;     /* enum dialect_question under way on `first` */
	uint8_t old_words;  /* bit i: its server parses the older words of that question alone */
	bool scheduled;     /* the schedule knows it */
	struct health health;
	uint64_t health_due_ns;
	char host[PEL_NAME_MAX];
	struct resolve_query *query;
	struct pel_addr rejected; /* where another server answered; family 0: nowhere */
	struct pace stranger;     /* when that is asked again */
	uint64_t host_asked_ns;   /* 0: ask now */
	uint8_t host_failures;    /* of DNS, in a row */
	uint64_t opened_ns;       /* when `second` was last tried */
};

struct name_watch {
	bool used;
	bool wanted; /* somebody follows it, or the configuration names it */
	struct cluster *cluster;
	uint8_t index; /* of topology.h */
	char text[PEL_NAME_MAX];
	struct resolve_query *query;
	char endpoint[PEL_NAME_MAX]; /* that it is an alias of; empty: of none */
	char home[PEL_NAME_MAX];     /* ... when it last led to a member, or at first */
	uint64_t due_ns;
};

struct cluster {
	const struct cluster_options *o;
	unsigned record; /* of the map */
	bool inherited;  /* the record still says what the earlier worker knew */
	uint64_t born_ns;
	uint64_t used_ns;         /* when a program last used it, as far as is known */
	bool asleep;              /* nobody does: it is not asked */
	char key[PEL_NAME_MAX];   /* names with the same key are of the same cluster */
	char title[PEL_NAME_MAX]; /* its first name, by which it goes in the log */
	bool port_told;
	bool full_told;                 /* it was said that another's names do not fit */
	char domain_next[PEL_NAME_MAX]; /* of the instances where its own endpoint leads now */
	const struct config_cluster *config;
	const struct dialect *dialect;  /* told, detected, or else guessed */
	bool undecided;                 /* `dialect` is a guess: no server has greeted yet */
	const struct dialect *detected; /* another than the guess: all begins anew with it */
	struct links links;
	struct doors doors;
	struct topology topology;
	struct schedule schedule;
	struct probe probes[PEL_MAP_INSTANCES];
	struct name_watch names[PEL_MAP_NAMES];
	struct bluegreen bluegreen;
	uint64_t bluegreen_asked_ns; /* 0: ask now */
	bool bluegreen_refused;      /* the table may not be read */
	bool bluegreen_told;         /* ... and that was said */
	uint64_t held_identity;      /* of the writer that is not published; 0: none is not */
	const struct link *blue;     /* of its writer, or who was it last; NULL: nobody was */
	struct green *green;         /* NULL: there is none */
	struct link scout;
	uint8_t scout_question;
	char refusal
		[256]; /* of a question, in the server's words, since the last answer; "": none */
	struct evidence scout_evidence;
	uint64_t scout_due_ns;
	uint64_t scout_heard_ns; /* when its server took the connection that is under way */
	bool scout_late; /* a server was silent, and so was everybody else since: it may be waking up */
	enum pel_why scout_why; /* what its last failed login would be the reason of, or none */
	unsigned bits;          /* TOPOLOGY_* since the last settling */
	uint64_t data_due_ns;   /* when data alone is published; 0: none is waiting */
	uint64_t hinted_ns;     /* when a client last gave a hint; 0: none has */
	struct loop_timer timer;
	uint64_t paused_until_ns; /* of the last pause that was dealt with */
	bool settling;
	bool alarm;
	bool alarm_anew;         /* something fresh has happened: a tired alarm begins anew */
	uint64_t alarm_until_ns; /* at least */
	enum remote_fleet fleet;
	uint64_t fleet_asked_ns;               /* when the fleet's leader last bought a round */
	struct warm *warms[PEL_MAP_INSTANCES]; /* by slot; see warm.c */
	struct warm_totals warm_totals;
	struct warm_memory warm_memory;
	struct cluster_waits waits;
	struct cluster_gaps gaps;
	uint64_t writer_changes, changes_taken;
	char writer_id[PEL_ID_MAX]; /* who was it last; empty: nobody yet */
	uint8_t denied_told;        /* bit i: it was said that the user may not ask that question */
	uint64_t replicas_due_ns;   /* when the writer is asked for its replicas, after a denial */
	struct rds_view *listed;    /* what the control plane said; NULL: nothing */
	uint64_t listed_for;        /* to which writer and names it was last applied */
	struct pel_hot said;        /* as of the last line in the log */
	struct pel_cold said_cold;
};

/* configure.c */
/* Something new to log in with has come, or an order: nobody rests any longer. */
void cluster_login_anew(struct cluster *c);
/* `dialect = auto`, and a server has greeted that is not what was guessed. */
void cluster_redecide(struct cluster *c);

/* Nobody uses it: connections are closed, so that a cluster that pauses by itself may. */
void cluster_sleep(struct cluster *c);

/* cluster.c */
void cluster_settle(void *ctx);
void cluster_note(struct cluster *c, unsigned bits);
void cluster_kick(struct cluster *c);
void cluster_publish(struct cluster *c); /* what was noted, now */
void cluster_alarm(struct cluster *c);
void cluster_drop_links(struct cluster *c, const struct link *but);
uint64_t cluster_now(const struct cluster *c);

/* What an earlier worker published, against what is known now. */
enum cluster_inherited {
	CLUSTER_INHERITED_OPEN = 0, /* not enough is known yet */
	CLUSTER_INHERITED_SAME,     /* the same writer, and everybody else is there */
	CLUSTER_INHERITED_OTHER,    /* another writer */
};
enum cluster_inherited cluster_inherited_compare(const struct pel_hot *was,
	const struct pel_hot *is);

/* names.c */
struct name_watch *cluster_find_name(struct cluster *c, const char *name);
void cluster_names_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_names_deadline(const struct cluster *c);
void cluster_names_hurry(struct cluster *c);
void cluster_names_free(struct cluster *c);

/* The members were learnt anew, and live where the own endpoint leads. */
void cluster_domain_anew(struct cluster *c);

/* probe.c */
void cluster_probes_sync(struct cluster *c);
void cluster_probes_move(struct cluster *c);
void cluster_probes_free(struct cluster *c);
void probe_act(struct probe *p, enum schedule_kind kind);
void probe_adopt(struct probe *p, struct link *link, const struct evidence *e);
void probe_second_open(struct probe *p);
void probe_first_drop(struct probe *p, bool by_peer);
const char *probe_host(const struct probe *p);

/* hosts.c */
void cluster_hosts_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_hosts_deadline(const struct cluster *c);

/* health.c */
void cluster_health_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_health_deadline(const struct cluster *c);
void probe_health_failed(struct probe *p, const struct member_failure *failure);

/* scout.c */
void cluster_scout_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_scout_due(const struct cluster *c);
/* Whether members are those that servers tell, where the dialect has them do so. */
bool cluster_is_told(const struct cluster *c);
/* Of the hosts that a server tells those that may be. */
void cluster_refuse_hosts(const struct cluster *c, struct evidence *e);
/* What a server is asked first. */
const char *cluster_hello(const struct cluster *c);
/* The evidence in an answer, by the cluster's dialect.  0; -ENODATA: it has none; -errno. */
int cluster_read(struct cluster *c, const struct link *link, enum dialect_question question,
	const struct member_answer *answer, struct evidence *ret);

/* claims.c: applies what the control plane said to the names and the writer of now. */
void cluster_list_apply(struct cluster *c);

/* bluegreen.c */
bool cluster_bluegreen_is_due(const struct cluster *c, unsigned slot);
/* Reads what the table says, and does what follows; the evidence is the role of who answered. */
int cluster_bluegreen_read(struct cluster *c, const struct link *link,
	const struct member_answer *answer, struct evidence *ret);
void cluster_bluegreen_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_bluegreen_deadline(const struct cluster *c);
/* It is over, or the servers are others. */
void cluster_bluegreen_end(struct cluster *c);
void cluster_bluegreen_release(struct cluster *c);
/* What is published beside what is known: while connects are held, and when blue is left. */
void cluster_bluegreen_show(const struct cluster *c, struct pel_hot *hot, struct pel_cold *cold);
/* Whether a host is green's, and which of our names it is to take over. */
bool cluster_takes_over(const struct cluster *c, const char *green, char ret[static PEL_NAME_MAX]);

/* green.c, green_names.c */
void cluster_green_find(struct cluster *c);
void cluster_green_free(struct cluster *c);
void cluster_green_note(struct cluster *c, const struct bluegreen_table *t);
void cluster_green_take_over(struct cluster *c);
void cluster_green_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_green_deadline(const struct cluster *c);
enum bluegreen_side cluster_green_side(const struct cluster *c, const struct link *link);
void cluster_green_close(const struct cluster *c, struct pel_hot *hot, struct pel_cold *cold);
/* Ids as they will be. */
void cluster_green_rename(struct cluster *c, struct evidence *e);
/* The name by which a member goes while it is called so. */
const char *cluster_green_host(const struct cluster *c, const struct probe *p, const char *host);
/* The addresses of an answer, or green's in their place: of a name's role, or of a member's id. */
unsigned cluster_green_instead(struct cluster *c, enum pel_role role, const char *id,
	const struct resolve_answer *answer, struct pel_addr ret[static RESOLVE_ADDRS]);

/* warm.c */
void cluster_warm_tick(struct cluster *c, uint64_t now_ns);
uint64_t cluster_warm_deadline(const struct cluster *c);
void cluster_warm_free(struct cluster *c);

/* say.c */
/* A question at leisure was denied, in the server's words. */
void cluster_say_denied(struct cluster *c, enum dialect_question question, const char *refusal);
void cluster_say_waited(struct cluster *c, uint64_t since_ns);
void cluster_say_changes(struct cluster *c, const struct pel_hot *hot, const struct pel_cold *cold);

#endif
