/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topology of one cluster: evidence in, verified topology out.  Pure: no I/O, no clock of its
 * own (times are CLOCK_BOOTTIME ns), no allocation.
 *
 * The caller (the engine) owns connections, DNS and timers.  It feeds what it learns; every feeding
 * function returns change bits, TOPOLOGY_*, that say what to publish and what to do.  When nothing
 * happens it calls topology_tick() at topology_deadline().  Then topology_view() gives the record.
 *
 *   names     topology_add_name() for each followed name; topology_feed_dns() with each answer of
 *             DNS for it.  TOPOLOGY_SCOUT: DNS leads to an address that no member is known at:
 *             connect to topology_scout_addr(), ask HELLO and TABLE, topology_feed_scout().
 *             TOPOLOGY_LEFT: a name has left the cluster: topology_has_left().
 *   members   are slots, 0 to PEL_MAP_INSTANCES - 1, stable while in use.  TOPOLOGY_MEMBERS: slots
 *             came or went: compare topology_member() with what is probed.  A member's host (id +
 *             domain, or the pattern, or configured) is resolved by the caller:
 *             topology_feed_host().  Log in where topology_login_addr() says; the answers to HELLO,
 *             ROLE, TABLE go to topology_feed().
 *   health    topology_feed_health() with the verdict of health.h; topology_feed_lost() when a
 *             connection ends.
 *
 * A member is routable once it has been logged in to at an address of its own host.  The writer is
 * confirmed by rules that stand in confirm.c.  Without credentials the rules of DNS alone
 * apply: dns.c.
 */
#ifndef PROBES_TOPOLOGY_H
#define PROBES_TOPOLOGY_H

#include "logic/evidence.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

/* Change bits. */
#define TOPOLOGY_DATA 0x0001u    /* lag, CPU, round trip, times: publish at leisure, wake nobody */
#define TOPOLOGY_SEVER 0x0002u   /* the generation moved: publish at once, move the wake word */
#define TOPOLOGY_WRITER 0x0004u  /* a writer appeared: publish at once, move the wake word */
#define TOPOLOGY_FIRST 0x0008u   /* a first topology or verdict: move the word `first` */
#define TOPOLOGY_EPOCH 0x0010u   /* something that a user would call a change: log, event */
#define TOPOLOGY_MEMBERS 0x0020u /* slots came or went, or a slot has another host */
#define TOPOLOGY_MOVED 0x0040u   /* topology_login_addr() of a slot changed: log in there as well */
#define TOPOLOGY_REJECTED                                                                          \
	0x0080u                /* the answer is not of this member: close, resolve, connect anew */
#define TOPOLOGY_SCOUT 0x0100u /* DNS leads to a stranger: topology_scout_addr() */
#define TOPOLOGY_RELEARNT                                                                          \
	0x0200u               /* members were learnt anew: drop all connections but the scout's */
#define TOPOLOGY_LIE 0x0400u  /* the table contradicts what the servers say of themselves; once */
#define TOPOLOGY_ODD 0x0800u  /* rows were refused or have no usable time; once until they mend */
#define TOPOLOGY_LEFT 0x1000u /* a name belongs elsewhere: topology_has_left() */
#define TOPOLOGY_AWAY 0x2000u /* the own endpoint leads to nobody who can be met; once */

#define TOPOLOGY_WAKES (TOPOLOGY_SEVER | TOPOLOGY_WRITER)

#define TOPOLOGY_WRITERLESS_NS UINT64_C(30000000000)
#define TOPOLOGY_ALONE_NS UINT64_C(60000000000) /* readers alone, while one is not heard of */
#define TOPOLOGY_STEADY_NS UINT64_C(300000000)  /* between two answers of DNS that count */
#define TOPOLOGY_STEADY_ANSWERS 3
#define TOPOLOGY_SEEN_NS UINT64_C(60000000000) /* an address of a reader name is kept this long */
#define TOPOLOGY_VETO_NS UINT64_C(250000000)   /* an incumbent may answer a veto this long */
#define TOPOLOGY_WAIT_NS UINT64_C(60000000) /* ... and a question, if another claims, this long */
#define TOPOLOGY_HOLD_NS UINT64_C(30000000000)    /* a writer that nobody can ask stays this long */
#define TOPOLOGY_CLAIM_NS UINT64_C(5000000000)    /* a claim without a renewal, while it answers */
#define TOPOLOGY_REACH_NS UINT64_C(1500000000)    /* a claim without a login at its own address */
#define TOPOLOGY_AWAY_NS UINT64_C(5000000000)     /* whom nobody could log in to is met elsewhere */
#define TOPOLOGY_MOVES_NS UINT64_C(10000000000)   /* a name moves no more than twice in this time */
#define TOPOLOGY_REFUSED_NS UINT64_C(30000000000) /* a client's refusal counts this long */
#define TOPOLOGY_LIE_NS UINT64_C(10000000000)     /* a table that is only late catches up sooner */
#define TOPOLOGY_ANSWER_NS UINT64_C(5000000000)   /* nobody answered so long after the start */
#define TOPOLOGY_TICK_NS UINT64_C(1000000000)
#define TOPOLOGY_ABSENT_NS UINT64_C(60000000000) /* dead and no row this long: forgotten */
#define TOPOLOGY_GONE_NS UINT64_C(180000000000)  /* no row this long: forgotten */
#define TOPOLOGY_FOUND_NS UINT64_C(10000000000)  /* a writer finds others so seldom */
#define TOPOLOGY_HOST_ADDRS 4

struct topology_config {
	bool has_table; /* servers tell ids in a table; else members are hosts, as configured or told */
	uint8_t selector; /* enum pel_selector, passed through to the map */
	uint8_t fallback; /* enum pel_fallback */
	uint16_t port;    /* the cluster's */
	uint32_t hold_ms; /* so long connects wait, and a writer is awaited; 0: 30 s, they do not */
	uint32_t max_lag_ms;        /* 0: off; off again below three quarters of it */
	uint32_t admit_max_lag_ms;  /* 0: lag plays no part */
	uint32_t admit_stable_ms;   /* 10000; 0: admission is off, all are admitted at once */
	bool admit_never_last;      /* if no admitted reader is left, admit none, use the writer */
	bool warm_up;               /* stable is not enough: the warm-up admits */
	char domain[PEL_NAME_MAX];  /* hosts are ID.domain */
	char pattern[PEL_NAME_MAX]; /* or this with '?' replaced; empty: none */
};

/* An address with memory: when DNS last gave it for a name. */
struct topology_seen {
	struct pel_addr addr;
	uint64_t seen_ns; /* last time in an answer */
};

/* What a name, or the aliases in its answer, say of the cluster that it belongs to. */
enum topology_bond {
	TOPOLOGY_BOND_OWN =
		0,           /* the cluster's own endpoint: where it leads, there the cluster is */
	TOPOLOGY_BOND_ALIAS, /* leads through that endpoint */
	TOPOLOGY_BOND_NONE,  /* nothing: it belongs where its address does */
	TOPOLOGY_BOND_OTHER, /* leads through another cluster's endpoint */
};

struct topology_name {
	char text[PEL_NAME_MAX];
	uint64_t hash;
	uint8_t role; /* enum pel_role */
	uint8_t n_seen;
	uint8_t agree;   /* answers in a row, TOPOLOGY_STEADY_NS apart, that led to `lead` */
	uint8_t bond;    /* enum topology_bond, of the last answer */
	uint8_t strange; /* answers in a row that led through an endpoint of another role */
	bool listed;     /* members were told by topology_set_name_members() */
	bool left;       /* belongs elsewhere; to be taken away by the caller */
	bool met;        /* ... to another cluster, which has been met there */
	bool repointed;  /* of the last answer */
	bool away_told;  /* it was said that it leads to nobody who can be met */
	bool arrived;    /* from another cluster; its sockets have not been judged since */
	uint16_t port;
	uint32_t ttl_ms;
	uint64_t dns_ns;      /* last answer */
	uint8_t n_latest;     /* how many of seen[] the last answer had */
	uint64_t agree_ns;    /* when the last one that counted came */
	uint64_t away_ns;     /* since when it leads to nobody that is known here; 0: it does not */
	uint64_t moved_ns[2]; /* when it last came from another cluster, newest first */
	uint64_t refused_ns;  /* when `settled` last refused a client; 0: it has not */
	struct pel_addr lead; /* where the last answer led */
	struct pel_addr settled; /* writer names: where DNS has led steadily */
	struct pel_addr alias;   /* an address that a scout found to be a known member's */
	struct topology_seen seen[PEL_MAP_ADDRS];    /* latest answer first */
	uint64_t members_seen_ns[PEL_MAP_INSTANCES]; /* custom: DNS showed that member's address */
	uint64_t listed_ids[PEL_MAP_INSTANCES];      /* custom: pel_name_hash() of ids */
	uint8_t n_listed;
};

struct topology_member {
	bool used;
	bool configured;   /* from the configuration: never forgotten */
	bool routable;     /* logged in to, at an address of its own host */
	bool live;         /* a connection of ours is up and has said who it is */
	bool overruled;    /* a witness decided against its claim */
	bool unretracted;  /* it claimed to be the writer, and has not said otherwise since */
	bool twin;         /* another member is the same server, and stands for it */
	bool lapsed;       /* it answers, but has not said for too long what it is */
	bool met;          /* was live once */
	bool named;        /* by a coordinator or a server, which says that it is word_role */
	bool found;        /* by the writer, as its replica: its word alone makes it nothing more */
	bool away;         /* of a region whose readers do not serve */
	bool was_reader;   /* it has said so */
	uint8_t word_role; /* enum pel_role */
	uint8_t self_role; /* enum pel_role, of its last answer on a connection that still is */
	uint8_t role;      /* verified: what is published */
	uint8_t health;    /* enum pel_health */
	uint8_t admission; /* enum pel_admission */
	bool admission_forced; /* by hand: rules do not change it */
	bool warmed;
	bool unwarmed;  /* its warm-up came to nothing: held, unless nobody else is left */
	bool stopped;   /* its replication was: it only ages */
	bool refuses;   /* it executes nothing for anybody */
	bool able;      /* it is one of many that may be written to; see choose.c */
	bool unsettled; /* its group is about to change */
	bool lagged;
	uint16_t port;
	uint16_t told_port; /* by topology_set_port(); 0: none */
	uint16_t cpu_permille;
	uint16_t warm_done, warm_total;
	bool warm_elsewhere; /* another prober warms it */
	uint32_t lag_ms;
	uint32_t rtt_us;
	uint64_t identity;
	struct evidence_term term;               /* of its last role; see terms.c */
	uint64_t term_ns;                        /* when it first told that one */
	uint64_t since_ns;                       /* since when it is that server, at that address */
	uint64_t evidence_ns;                    /* last answer of itself */
	uint64_t role_sent_ns, role_received_ns; /* of the answer behind self_role */
	uint64_t asked_ns;  /* since when a question of ours waits for its answer; 0: none does */
	uint64_t unsaid_ns; /* since when its answers do not say what it is; 0: they do */
	uint64_t claim_ns;  /* since when it says without a break that it is the writer; else 0 */
	uint64_t well_ns;   /* when it last was able, and did not only age */
	uint64_t unsettled_ns; /* when its group last was about to change */
	uint64_t listed_ns;    /* last table that had its row, or word that named it */
	uint64_t fit_ns;       /* since when it fulfils what admission asks; 0: it does not */
	uint8_t n_host;
	struct pel_addr host_addrs[TOPOLOGY_HOST_ADDRS]; /* what its host resolves to */
	struct pel_addr addr;                            /* logged in to; family 0: not yet */
	struct pel_addr want; /* where to log in; family 0: host not resolved yet */
	struct pel_addr lead; /* where its host led last */
	uint8_t agree;        /* answers in a row that led there */
	uint64_t agree_ns;
	char id[PEL_ID_MAX];
	char uuid[EVIDENCE_UUID_MAX];
	char zone[EVIDENCE_ZONE_MAX];
	char host[PEL_NAME_MAX];
};

/* The freshest table, as far as the second witness is concerned. */
struct topology_table {
	bool any;           /* there ever was one */
	bool named;         /* ... that named a writer */
	bool dated;         /* stamp_ns can be compared with our times */
	uint8_t teller;     /* slot */
	uint8_t master;     /* slot of the newest MASTER row, or PEL_NONE */
	uint64_t stamp_ns;  /* when its newest row was written, at the earliest */
	uint64_t master_ns; /* when the newest MASTER row was written, at the earliest; 0: not known
			     */
	uint64_t received_ns;
};

/* How many claim to be the writer, and what was decided of it; see confirm.c. */
enum topology_contest_state { CONTEST_SOLE = 0, CONTEST_DISPUTED, CONTEST_DECIDED };

struct topology_contest {
	uint8_t state;         /* enum topology_contest_state */
	uint8_t chosen;        /* DECIDED: slot */
	uint8_t reversals;     /* of a decision, since it was SOLE */
	uint8_t named;         /* slot that witnesses name since the state began, or PEL_NONE */
	uint32_t witnesses;    /* slots of those */
	bool restless;         /* DISPUTED: it is one of three in a short time */
	uint64_t since_ns;     /* when the state began */
	uint64_t contested_ns; /* when two last claimed side by side */
	uint64_t beside_ns
		[2]; /* when one was last published beside an unretracted claim, newest first */
};

/* What was last told to the caller by change bits. */
struct topology_shown {
	uint8_t state, why, writer;
	bool dns_only;
	struct topology_shown_member {
		bool used, routable, lagged;
		uint8_t role, self_role, health, admission;
		uint64_t identity;
	} members[PEL_MAP_INSTANCES];
};

struct topology {
	struct topology_config config;
	uint64_t uid, generation, epoch;
	uint8_t state;    /* enum pel_state */
	uint8_t why;      /* enum pel_why, as published */
	uint8_t told_why; /* enum pel_why, of topology_set_why() */
	uint8_t writer;   /* slot, or PEL_NONE */
	uint8_t n_names;
	uint8_t n_expected;
	bool dns_only;
	bool known_once; /* who appears from now on is new */
	bool lie_told, odd_told;
	uint64_t started_ns, verified_ns;
	uint64_t writerless_ns; /* since when there is no writer; 0: there is, or never was one */
	uint64_t left_ns;       /* of many, since when the writer is to give way; 0: it is kept */
	uint64_t claim_ns;      /* since when the last writer said that it is; 0: never */
	uint64_t veto_ns;       /* since when the table contradicts the incumbent; 0: it does not */
	uint64_t lie_ns;        /* since when it names another than the confirmed writer */
	uint64_t deadline_ns;
	struct evidence_term
		term; /* of the last writer; of one that is not awaited any more, none */
	struct topology_wish {
		char id[PEL_ID_MAX]; /* "": none */
		bool firm;           /* of who speaks for the fleet: it moves the writer */
		uint64_t since_ns, moved_ns;
	} wish;                /* see topology_wish() */
	uint64_t named_ns;     /* when members were last named */
	uint64_t found_ns;     /* not before this are more replicas found */
	uint64_t word_ns;      /* when a coordinator last spoke; 0: never, or it is dead */
	bool word_alone;       /* nobody can be asked: its word is followed */
	struct pel_addr scout; /* where a stranger is to be met; family 0: nowhere */
	struct topology_table table;
	struct topology_contest contest;
	struct topology_shown shown;
	struct topology_member members[PEL_MAP_INSTANCES];
	struct topology_name names[PEL_MAP_NAMES];
	struct topology_expected {
		uint64_t id; /* hash */
		bool held;
	} expected[PEL_MAP_INSTANCES]; /* see topology_expect() */
};

/* One answer of DNS for a name; addresses in the order of the answer. */
struct topology_dns {
	const struct pel_addr *addrs;
	unsigned n_addrs; /* 0: no such name, or no answer: nothing follows */
	uint32_t ttl_ms;
	enum topology_bond bond; /* of a cluster's name */
	bool repointed; /* it is an alias of another endpoint than where it led to a member */
	bool astray;    /* ... of an endpoint whose cluster it belongs to, whoever is met there */
	enum pel_role role; /* of the endpoint that it is an alias of; or not known */
};

/* `uid`: of this use of the map's record; the first generation and epoch are 1. */
void topology_init(struct topology *t, const struct topology_config *config, uint64_t uid,
	uint64_t now_ns);

/* New limits, selector, pattern after a reload; members stay. */
unsigned topology_configure(struct topology *t, const struct topology_config *config,
	uint64_t now_ns);

/*
 * Forgets all members and what they said: they may be others, at other ports, or another kind of
 * servers.  Names stay, and a name's port that was the cluster's is the new one.  `why` as of
 * topology_set_why().
 */
unsigned topology_reset(struct topology *t, uint16_t port, enum pel_why why, uint64_t now_ns);

/*
 * An earlier daemon knew a writer, or waited for one since then: who says reader now is between two, if
 * connects still wait.
 */
void topology_await_writer(struct topology *t, uint64_t since_ns);

/*
 * Whom to choose where there are many: whom an earlier daemon had chosen; or, `firm`, whom the others of
 * the fleet follow, who will be chosen in place of another too.  NULL: they follow nobody any more.  The
 * next evidence has it count.
 */
void topology_wish(struct topology *t, const char *id, bool firm, uint64_t now_ns);

/* A followed name in normal form.  Its index, or -ENOSPC; the index if it is there already. */
int topology_add_name(struct topology *t, const char *name, enum pel_role role, uint16_t port);

/*
 * A name comes from another cluster, with what DNS last said of it, or goes.  A name that has left
 * stays until it is removed; its index is free then, those of the others stay.
 */
int topology_adopt_name(struct topology *t, const struct topology_name *name, enum pel_role role,
	uint64_t now_ns);
bool topology_has_left(const struct topology *t, unsigned name);
void topology_remove_name(struct topology *t, unsigned name);

/* The availability zone of a member, where its server does not say it. */
void topology_set_zone(struct topology *t, unsigned slot, const char *zone);

/*
 * The port at which the control plane says that this host of a member listens: tried in turn with
 * the cluster's.  A live member is left alone; the configuration's and a coordinator's word outrank
 * this one.
 */
void topology_set_port(struct topology *t, unsigned slot, const char *host, uint16_t port);

/* A custom name's members, told by the control plane; n 0 and ids NULL: by DNS again. */
unsigned topology_set_name_members(struct topology *t, unsigned name, const char *const *ids,
	unsigned n);

/*
 * A member of the configuration, by its host and port; port 0 is the cluster's.  Its id, which is
 * for display, is the host's first label where that is free.  Its slot, or -ENOSPC.
 */
int topology_add_member(struct topology *t, const char *host, uint16_t port, uint64_t now_ns);

/* Members that a writer had told an earlier worker, and that had said what they are; at the start. */
unsigned topology_feed_kept(struct topology *t, const struct evidence *e);

/*
 * The whole of what a coordinator says: members that it names no more are forgotten.  n 0: nothing
 * is heard of it any more; its members stay.
 */
unsigned topology_feed_words(struct topology *t, const struct evidence_host *words, unsigned n,
	uint64_t now_ns);

/* Says why there is no evidence (PEL_WHY_NO_CREDENTIALS turns DNS alone on; PEL_WHY_NONE ends it).
 */
unsigned topology_set_why(struct topology *t, enum pel_why why, uint64_t now_ns);

unsigned topology_feed_dns(struct topology *t, unsigned name, const struct topology_dns *dns,
	uint64_t now_ns);

/*
 * A client was refused where that name leads.  It counts for DNS alone, and while the name leads to
 * one address, for it does not say to which it went.  Nothing changes before DNS moves.
 */
void topology_feed_refusal(struct topology *t, unsigned name, uint64_t now_ns);

/* What the host of a member resolves to. */
unsigned topology_feed_host(struct topology *t, unsigned slot, const struct topology_dns *dns,
	uint64_t now_ns);

/* Nobody answered at topology_login_addr(): it is now another address of the host, if it has one. */
void topology_login_failed(struct topology *t, unsigned slot);

/*
 * Evidence of a server that was reached by a followed name, not as a member: the first contact, or
 * the stranger of TOPOLOGY_SCOUT.  Has to hold IDENTITY and ROLE, and TABLE where the dialect has
 * one.  *ret_slot is the member that it turned out to be (the connection may serve that member), or
 * PEL_NONE.
 */
unsigned topology_feed_scout(struct topology *t, const struct evidence *e, unsigned *ret_slot);

/*
 * Other servers have taken the cluster's names over: all members are forgotten, and learnt from this
 * evidence of their writer.  Has to hold what that of a scout does.  *ret_slot as there.
 */
unsigned topology_feed_green(struct topology *t, const struct evidence *e, unsigned *ret_slot);

/*
 * Nobody answers where the scout was sent.  If no member is live, topology_scout_addr() is now
 * another address that DNS gave for any of the names: after a failover the writer's name may lead
 * to a dead server for long, and the readers' to one that knows.
 */
void topology_scout_failed(struct topology *t);

/* Whether there is another address to go to in that case. */
bool topology_scout_has_other(const struct topology *t);

/* A question was put to the member on its connection; it was answered, in whatever way. */
void topology_asked(struct topology *t, unsigned slot, uint64_t now_ns);
void topology_answered(struct topology *t, unsigned slot);

/*
 * Evidence of a member's own connection; the first on every connection has to hold IDENTITY.  An
 * answer that says nothing, as an error, is evidence too.
 */
unsigned topology_feed(struct topology *t, unsigned slot, const struct evidence *e);

/* The member's connection is no more, or it refuses new ones: what it claimed is void. */
unsigned topology_feed_lost(struct topology *t, unsigned slot, uint64_t now_ns);

/* The verdict of health.h and the usual round trip. */
unsigned topology_feed_health(struct topology *t, unsigned slot, enum pel_health health,
	uint32_t rtt_us, uint64_t now_ns);

/*
 * An earlier prober had not admitted this instance: it is new when it appears, though it be at the
 * first topology; or held, if it was by hand.
 */
void topology_expect(struct topology *t, const char *id, bool held);

/* Admission by hand (`pelorus reader admit|hold`) and by the warm-up. */
unsigned topology_feed_admission(struct topology *t, unsigned slot, enum pel_admission admission,
	bool by_hand, uint64_t now_ns);
/* It has been warmed: the rest of the rules decide. */
unsigned topology_feed_warmed(struct topology *t, unsigned slot, uint64_t now_ns);
/* The warm-up has come to nothing, and the configuration wants such a reader held. */
unsigned topology_feed_unwarmed(struct topology *t, unsigned slot, uint64_t now_ns);
/* How far its warm-up is, or that another prober does it. */
unsigned topology_feed_warm(struct topology *t, unsigned slot, uint16_t done, uint16_t total,
	bool elsewhere, uint64_t now_ns);

/* What time alone changes. */
unsigned topology_tick(struct topology *t, uint64_t now_ns);
uint64_t topology_deadline(const struct topology *t);

/* True for a new reader that is stable and waits for its warm-up. */
bool topology_wants_warm(const struct topology *t, unsigned slot);

/* True while the schedule has to be in alarm. */
bool topology_is_troubled(const struct topology *t);

/* The member in a slot, or NULL. */
const struct topology_member *topology_member(const struct topology *t, unsigned slot);

/* The member at that host and port (0: the cluster's), or NULL. */
const struct topology_member *topology_at(const struct topology *t, const char *host,
	uint16_t port);

/* The slot of an id, or PEL_NONE. */
unsigned topology_find(const struct topology *t, const char *id);

/* Where to log in as a member; false if its host is not resolved yet. */
bool topology_login_addr(const struct topology *t, unsigned slot, struct pel_addr *ret);

/* Where the stranger is that DNS leads to, or the first contact; false if nobody is to be met. */
bool topology_scout_addr(const struct topology *t, struct pel_addr *ret);

/*
 * Fills the record of the map; instance i of the view is the i-th slot in use (ret_slots, where not
 * NULL, tells which).
 */
void topology_view(const struct topology *t, struct pel_hot *hot, struct pel_cold *cold,
	uint8_t ret_slots[PEL_MAP_INSTANCES]);

#endif
