/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often anything is asked: one table for all that goes out, whatever the state of the world.
 *
 * A row says how soon something may be repeated, how that grows while it comes to nothing, and how
 * often it may happen at most.  Who asks keeps a `struct pace`, and reports each time with
 * pace_next() what row is true of it now.
 */
#ifndef PROBES_PACE_H
#define PROBES_PACE_H

#include <stdint.h>

enum pace_kind {
	PACE_LOOK_UP,      /* DNS of any one name, whoever asks */
	PACE_NAME,         /* DNS of a followed name, while all is well */
	PACE_NAME_TROUBLE, /* ... while something is wrong, or differs */
	PACE_HOST,         /* DNS of a member's host */
	PACE_HOST_ALARM,   /* ... in an alarm */
	PACE_HOST_STRANGE, /* ... that answers where DNS did not lead */
	PACE_HOST_FAILED,  /* ... that does not resolve */
	PACE_ROLE,         /* a server's role, while all is well */
	PACE_ROLE_QUIET,   /* ... of a writer that hands over without breaking a connection */
	PACE_ROLE_ALARM,   /* ... in an alarm */
	PACE_ROLE_TIRED,   /* ... that lasts */
	PACE_ROLE_SPENT,   /* ... for long */
	PACE_TABLE,        /* the whole topology, of the writer and of the others in turn */
	PACE_TABLE_ALARM,  /* ... of anyone */
	PACE_GREEN,        /* whether there is a blue/green deployment */
	PACE_GREEN_READY,  /* ... how far it is, while there is one */
	PACE_GREEN_NEAR,   /* ... a switchover is at hand, or DNS is waited for */
	PACE_GREEN_NOW,    /* ... it goes on */
	PACE_DIAL,         /* a connection that no server has heard of */
	PACE_DIAL_ALARM,   /* ... in the first seconds of an alarm */
	PACE_DIAL_REFUSED, /* ... and the peer's kernel refused it */
	PACE_STRANGER,     /* a login where another server lives than the member */
	PACE_SCOUT,        /* the scout's next try, whatever came of this one */
	PACE_SCOUT_FIRST,  /* ... until somebody was met, for the time of a failover */
	PACE_SCOUT_REST,   /* ... at a server that has no topology to tell */
	PACE_OTHER_LOGIN,  /* a login was denied, and there is another credential */
	PACE_DENIED_LOGIN, /* ... and there is none */
	PACE_UNFIT_LOGIN,  /* a login did not meet our own conditions, and nor does another */
	PACE_CUT_LOGIN,    /* a login ended in the middle, or the server is full */
	PACE_CUT_SHORT,    /* a login succeeded, and ended after the first answer */
	PACE_LATE_LOGIN,   /* a login was given up after its time */
	PACE_COORDINATOR,  /* HTTP that came to nothing: a coordinator, the fleet */
	PACE_CLOUD,        /* ... a secret, AWS credentials, a notice */
	PACE_CONTROL,      /* the control plane of a cluster, while it says the same */
	PACE_CONTROL_LOST, /* ... and it is of no use */
	PACE_KINDS,
};

struct pace {
	uint64_t due_ns;           /* not before this */
	uint64_t least_ns;         /* nor before this, whoever wants it */
	uint64_t full_ns;          /* when its share is whole again */
	uint64_t slack_ns;         /* the room in it of those who have taken of it since */
	uint8_t kind;              /* by which it is due */
	uint8_t times[PACE_KINDS]; /* of each kind, since it went well */
};

/* A share of a time, other for each seed: hosts shall not fall into step. */
uint64_t pace_jitter_ns(uint64_t seed, uint64_t most_ns);

/* What the row says for so many times in a row, and a quarter of it at most by `seed`; 0: nothing. */
uint64_t pace_wait_ns(enum pace_kind kind, unsigned times, uint64_t seed);

/* It has just been done: sets when it is due again. */
void pace_next(struct pace *p, enum pace_kind kind, uint64_t now_ns, uint64_t seed);

/* It succeeded: what grew is over. */
void pace_well(struct pace *p);

/* There is something new to log in with: who was denied is tried as soon as its share allows. */
void pace_forgive(struct pace *p);

/* Something has happened: what passes by itself may be over, and begins anew. */
void pace_hurry(struct pace *p);

#endif
