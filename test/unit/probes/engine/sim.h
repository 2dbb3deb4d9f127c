/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the whole engine: a clock that jumps to the next timer, servers and names that answer
 * as they are told to, and an eye on what is asked and published.
 *
 *   sim.c      clock, loop, engine; the state of a healthy world, its failovers, its rest
 *   servers.c  mysql/member.h: connections that end at a struct server
 *   names.c    net/dns_query.h: answers out of struct name
 *   watch.c    counts what is asked, looks at what is published
 *   worlds.c   what goes wrong in each world
 *
 * The rooms are linked as they are; members and DNS queries alone are taken from here.  The two have
 * no context in which a world could travel, so there is one at a time: `sim`.
 */
#ifndef SIM_H
#define SIM_H

#include "watch.h"

#include "base/loop.h"
#include "engine/engine.h"
#include "engine/switches.h"

#include <pelorus/map.h>

#define SIM_FLEETS 16
#define SIM_SERVERS 5 /* of a fleet, at most */
#define SIM_NAMES 512
#define SIM_CREDENTIALS 12

#define SIM_USER "app"
#define SIM_PASSWORD "right"

enum dial { DIAL_OK = 0, DIAL_REFUSED, DIAL_UNREACHABLE, DIAL_SILENT };
enum login { LOGIN_OK = 0, LOGIN_DENIED, LOGIN_UNFIT, LOGIN_SPOKE, LOGIN_RESET, LOGIN_SILENT };
enum reply { REPLY_OK = 0, REPLY_ERROR, REPLY_SILENT, REPLY_RESET, REPLY_HELLO_ALONE };

struct server {
	bool used;
	bool black_hole; /* its kernel does not acknowledge either */
	bool claims;     /* it says that it is the writer */
	bool no_table;   /* its table is empty */
	enum dial dial;
	enum login login;
	enum reply reply;
	unsigned code;        /* of LOGIN_SPOKE and REPLY_ERROR */
	unsigned fleet, slot; /* where it is at home */
	uint8_t ip[4];
	uint64_t rtt_ns;
	uint64_t silent_ns;  /* since when nobody reaches it */
	uint64_t changed_ns; /* when it last became another */
	char id[PEL_ID_MAX], uuid[40];
	struct server *names_writer; /* whom its table has for the writer; NULL: nobody */
	/* what the engine has heard from it, and asked of it */
	enum pel_role said;
	uint64_t said_ns, said_asked_ns;
	uint64_t claims_ns;         /* since when it has said so */
	struct server *told_writer; /* by its last table */
	uint64_t told_ns, named_ns; /* when that was; when a witness last named this one */
	struct rate asks, syns, dials, failures;
};

enum dns { DNS_OK = 0, DNS_NONE, DNS_FAILS, DNS_SILENT, DNS_SLOW, DNS_HALF };

struct name {
	char text[PEL_NAME_MAX];
	enum dns dns;
	struct name *alias; /* a CNAME of it; NULL: none */
	bool any_reader;    /* leads to one of the fleet's readers, another each time */
	unsigned any_of; /* leads to any server of so many fleets, from its own on; 0: as below */
	bool followed;
	unsigned fleet;
	const struct server *home;  /* an instance's own name */
	const struct server *leads; /* NULL, and neither of the above: nowhere */
	struct rate asked;
};

/* One cluster, as it truly is. */
struct fleet {
	unsigned n;
	struct server servers[SIM_SERVERS];
	struct server *writer; /* who should be */
	uint64_t writer_ns;    /* since when it says so; 0: it does not yet */
	uint64_t moved_ns;     /* when it last became another */
	uint64_t healed_ns;    /* when the last evil ended */
	bool awaited;          /* that is not published yet */
	bool good;             /* nothing goes wrong in it but failovers */
	struct name *writer_name, *reader_name, *own_name; /* own_name: an alias, or NULL */
	struct loop_timer promotion, dns_turn;
	struct rate handovers;
};

struct world;

struct sim {
	uint64_t now_ns, pause_ns;
	uint64_t resumed_ns; /* after the last pause */
	uint64_t random;
	const struct world *world;
	struct loop *loop;
	struct engine *engine;
	struct switches switches;
	struct config *config;
	struct log *log;
	char dir[64];
	int dirfd;
	unsigned n_fleets, n_bad;
	struct fleet fleets[SIM_FLEETS];
	unsigned n_names;
	struct name names[SIM_NAMES];
	struct server nobody;   /* at an address that is no server's */
	struct loop_timer turn; /* the next thing goes wrong */
	bool bad;               /* it is the time for that */
	bool paused;            /* ... and time itself goes wrong */
	uint64_t changed_ns;    /* when the world last was */
	unsigned open;          /* members and queries */
	struct watch watch;
};

extern struct sim *sim;

/* A world: what it is at first, and what happens in it. */
struct world {
	const char *name;
	void (*begin)(void); /* when it begins; or NULL */
	void (*turn)(void);  /* at random times; or NULL: nothing changes */
	unsigned least_ms, most_ms;
	void (*strike)(struct server *s); /* what it does to each server then; or NULL */
	enum dns dns;                     /* ... and to each name */
	unsigned n_fleets, n_bad;         /* 0: some; all of them */
	unsigned bad_s;                   /* how long it lasts */
	unsigned recover_s;               /* until all is well again, from its end */
	bool lost;                        /* nobody can find even those servers that are well */
	bool mixed;         /* clusters share servers, and each asks and is led at its own pace */
	bool replaced;      /* its servers then have other addresses */
	bool cold;          /* bad from the start, not after a calm time */
	bool own_names;     /* besides, a name of its own leads to each fleet */
	bool coordinator;   /* read_only, and a coordinator tells the members */
	bool no_credential; /* none is configured: `begin` follows with others */
};

extern const struct world worlds[];
extern const unsigned n_worlds;

/* sim.c */
void sim_play(const struct world *world, uint64_t seed, struct figures *ret);
unsigned sim_random(unsigned n);
void sim_follow(const char *name, const char *user, const char *password);
struct server *sim_server_at(const uint8_t ip[4]);
/* Somebody else is the writer of a fleet: at once, or the old one dies first, and it takes a while. */
void fleet_hand_over(struct fleet *f);
void fleet_crash(struct fleet *f, uint64_t without_ns);
void fleet_set_writer(struct fleet *f, struct server *writer);
void sim_heal(void);
const struct fleet *fleet_of_name(const struct name *n);

/* servers.c */
void server_cut(struct server *s);     /* its connections are reset */
void server_changed(struct server *s); /* what waited for it goes on */

/* names.c */
struct name *name_add(const char *text, unsigned fleet);

#endif
