/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to ask whom, and when.  Pure: one struct per cluster, times are of the caller.
 *
 * The caller reports connections and answers, and takes actions with schedule_next() until it
 * returns false; then it sleeps until schedule_deadline().  An action that was returned counts as
 * done at that moment: the caller has to do it, and to report its end (schedule_answered,
 * schedule_connected or schedule_lost).
 *
 * Steady: each connected instance every 500 ms, its role: a handover that breaks no connection is
 * seen by nothing else.  Where such a handover is a command of the servers' own, the writer is asked
 * each 100 ms.  It gets the table each second instead, and in each second one of the others, in turn.
 * Alarm: how it tires is in schedule.c; all rates are rows of pace.h.
 */
#ifndef PROBES_SCHEDULE_H
#define PROBES_SCHEDULE_H

#include "pace.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_SLOTS PEL_MAP_INSTANCES

enum schedule_kind {
	SCHEDULE_ROLE = 0,    /* DIALECT_ROLE */
	SCHEDULE_TABLE = 1,   /* DIALECT_TABLE */
	SCHEDULE_CONNECT = 2, /* connect, log in, DIALECT_HELLO */
};

struct schedule_action {
	uint8_t slot;
	uint8_t kind; /* enum schedule_kind */
};

struct schedule_slot {
	bool used;
	bool connected;    /* logged in: questions can be put */
	bool busy;         /* an action is under way */
	bool round;        /* owed one question of a round (hint, refresh) */
	uint8_t attempts;  /* connections in a row that failed */
	uint64_t asked_ns; /* when the last question or attempt began */
	uint64_t next_ns;  /* not before this */
	uint64_t table_ns; /* when its last table question began */
	uint64_t lost_ns;  /* when its last connection ended; 0: none has */
};

struct schedule {
	struct schedule_slot slots[SCHEDULE_SLOTS];
	uint64_t alarm_ns; /* since when; 0: steady */
	uint8_t steady;    /* enum pace_kind of roles, while it is */
	uint8_t watch;     /* ... of the writer's, while that is PACE_ROLE */
	uint64_t table_ns; /* last table question to anyone */
	uint64_t turn_ns;  /* when the next other instance gets the table */
	uint64_t hint_ns;  /* no hint is taken before this */
	uint64_t seed;
	uint8_t writer;     /* slot, or PEL_NONE */
	uint64_t hinted_ns; /* when a hint was taken that has confirmed nothing yet; 0: none */
};

/* `seed` makes the jitter: two probers should not have the same. */
void schedule_init(struct schedule *s, uint64_t seed, uint64_t now_ns);

/* A member appeared (it is owed a connection at once) or is gone. */
void schedule_add(struct schedule *s, unsigned slot, uint64_t now_ns);
void schedule_remove(struct schedule *s, unsigned slot);

/* Who the writer is (PEL_NONE: nobody), and how often its role is asked while all is well. */
void schedule_set_writer(struct schedule *s, unsigned slot, enum pace_kind pace);

/* Begins or ends the alarm (topology_is_troubled()); a second beginning changes nothing. */
void schedule_set_alarm(struct schedule *s, bool alarm, uint64_t now_ns);

/* How often roles are asked while there is no alarm: PACE_ROLE, or another at times. */
void schedule_set_steady(struct schedule *s, enum pace_kind pace, uint64_t now_ns);

/*
 * A client saw a refused write or a lost connection: true if it buys a round (every instance asked
 * its role once, at once), false if a round is under way or the last one confirmed the writer less
 * than 1 s ago.
 */
bool schedule_hint(struct schedule *s, uint64_t now_ns);

/* A round that nobody may refuse: `refresh` on the control socket. */
void schedule_refresh(struct schedule *s);

/*
 * The known writer confirmed itself: if its answer is to the question of a hint's round, no hint is
 * taken for 1 s.  Its last question counts, answered or not.
 */
void schedule_confirmed(struct schedule *s, uint64_t now_ns);

void schedule_answered(struct schedule *s, unsigned slot, uint64_t now_ns);
void schedule_connected(struct schedule *s, unsigned slot, uint64_t now_ns);

/* A connection ended or an attempt failed. */
void schedule_lost(struct schedule *s, unsigned slot, uint64_t now_ns);

/* No login may begin there before this; UINT64_MAX: until schedule_retry(). */
void schedule_rest(struct schedule *s, unsigned slot, uint64_t until_ns);

/* There may be another way in to it: what it rests for is looked at again. */
void schedule_retry(struct schedule *s, unsigned slot, uint64_t now_ns);

/*
 * The same for an attempt that the peer's kernel refused: no server has noticed it, so that the
 * next may come sooner.
 */
void schedule_refused(struct schedule *s, unsigned slot, uint64_t now_ns);

/* The next action that is due; false if none is. */
bool schedule_next(struct schedule *s, uint64_t now_ns, struct schedule_action *ret);

/* When schedule_next() will have something to say; UINT64_MAX: only after a report. */
uint64_t schedule_deadline(const struct schedule *s, uint64_t now_ns);

#endif
