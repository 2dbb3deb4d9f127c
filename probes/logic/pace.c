/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of paces.
 *
 * `first` is waited for after the first time; each further one in a row lengthens it by `quarters`
 * of itself, up to `most`.  And there is a share that nothing can break, neither a state nor an order
 * to try again: `burst` times at once, one more each `each`.
 */
#include "pace.h"

#include <stdbool.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static const struct {
	uint64_t first_ns, most_ns;
	uint64_t each_ns; /* 0: the row has no share of its own */
	uint8_t burst, quarters;
	bool passes; /* by itself: an event may have ended it, and nothing else */
} rows[PACE_KINDS] = {
	/* A name that is an alias of another is asked for both: less than two a second. */
	[PACE_LOOK_UP] = {0, 0, 600 * MS, 2, 0, false},
	[PACE_NAME] = {S, S, 0, 0, 0, false},
	[PACE_NAME_TROUBLE] = {300 * MS, 300 * MS, 0, 0, 0, false},
	[PACE_HOST] = {5 * S, 5 * S, 0, 0, 0, false},
	[PACE_HOST_ALARM] = {S, S, 0, 0, 0, false},
	[PACE_HOST_STRANGE] = {600 * MS, 600 * MS, 0, 0, 0, false},
	[PACE_HOST_FAILED] = {S, 5 * S, 0, 0, 4, false},
	[PACE_ROLE] = {500 * MS, 500 * MS, 0, 0, 0, false},
	[PACE_ROLE_QUIET] = {100 * MS, 100 * MS, 0, 0, 0, false},
	[PACE_ROLE_ALARM] = {20 * MS, 20 * MS, 0, 0, 0, false},
	[PACE_ROLE_TIRED] = {100 * MS, 100 * MS, 0, 0, 0, false},
	[PACE_ROLE_SPENT] = {S, S, 0, 0, 0, false},
	[PACE_TABLE] = {S, S, 0, 0, 0, false},
	[PACE_TABLE_ALARM] = {250 * MS, 250 * MS, 0, 0, 0, false},
	[PACE_GREEN] = {30 * S, 30 * S, 0, 0, 0, false},
	[PACE_GREEN_READY] = {S, S, 0, 0, 0, false},
	[PACE_GREEN_NEAR] = {100 * MS, 100 * MS, 0, 0, 0, false},
	[PACE_GREEN_NOW] = {20 * MS, 20 * MS, 0, 0, 0, false},
	[PACE_DIAL] = {50 * MS, S, 0, 0, 4, false},
	[PACE_DIAL_ALARM] = {50 * MS, 63 * MS, 0, 0, 0, false},
	/* It costs no server anything. */
	[PACE_DIAL_REFUSED] = {20 * MS, 20 * MS, 0, 0, 0, false},
	[PACE_STRANGER] = {10 * S, 300 * S, 0, 0, 4, false},
	[PACE_SCOUT] = {500 * MS, 500 * MS, 0, 0, 0, false},
	[PACE_SCOUT_FIRST] = {50 * MS, 50 * MS, 0, 0, 0, false},
	[PACE_SCOUT_REST] = {10 * S, 10 * S, 0, 0, 0, false},
	/* Servers lock accounts for it: five in the first minute, then one. */
	[PACE_OTHER_LOGIN] = {20 * MS, 20 * MS, 60 * S, 4, 0, false},
	[PACE_DENIED_LOGIN] = {10 * S, 300 * S, 60 * S, 4, 4, false},
	/* After max_connect_errors broken handshakes a server blocks the host, programs and all. */
	[PACE_UNFIT_LOGIN] = {10 * S, 1800 * S, 60 * S, 4, 8, false},
	/* Its end is what a failover waits for: a quarter of the time that it has lasted. */
	[PACE_CUT_LOGIN] = {50 * MS, 8 * S, 0, 0, 1, true},
	/* The same, but that it happens is no news that could end it. */
	[PACE_CUT_SHORT] = {50 * MS, 8 * S, 0, 0, 1, false},
	[PACE_LATE_LOGIN] = {4 * S, 30 * S, 15 * S, 3, 4, true},
	[PACE_COORDINATOR] = {500 * MS, 15 * S, 0, 0, 4, false},
	[PACE_CLOUD] = {S, 60 * S, 0, 0, 4, false},
	/* All hosts share what one account may ask. */
	[PACE_CONTROL] = {30 * S, 120 * S, 0, 0, 4, false},
	[PACE_CONTROL_LOST] = {30 * S, 600 * S, 0, 0, 4, false},
};

static uint64_t max_ns(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t pace_jitter_ns(uint64_t seed, uint64_t most_ns)
{
	return (seed * UINT64_C(0x9e3779b97f4a7c15) >> 20) % most_ns;
}

uint64_t pace_wait_ns(enum pace_kind kind, unsigned times, uint64_t seed)
{
	uint64_t wait = rows[kind].first_ns;

	for (unsigned i = 1; i < times && wait < rows[kind].most_ns; i++)
		wait += wait / 4 * rows[kind].quarters;
	if (seed)
		wait += pace_jitter_ns(seed, wait / 4);
	return wait < rows[kind].most_ns ? wait : rows[kind].most_ns;
}

/* Its share: `burst` at once, and then each `each_ns`. */
static void spend(struct pace *p, enum pace_kind kind, uint64_t now_ns)
{
	uint64_t slack = rows[kind].each_ns * (rows[kind].burst - 1u);

	p->slack_ns = p->full_ns > now_ns ? max_ns(p->slack_ns, slack) : slack;
	p->full_ns = max_ns(p->full_ns, now_ns) + rows[kind].each_ns;
	p->least_ns = p->full_ns > p->slack_ns ? p->full_ns - p->slack_ns : 0;
}

/*
 * A reason that comes in between ends neither the rest of another nor its count: several may be true
 * of one server.
 */
void pace_next(struct pace *p, enum pace_kind kind, uint64_t now_ns, uint64_t seed)
{
	uint64_t due;

	p->times[kind] += p->times[kind] < UINT8_MAX;
	due = now_ns + pace_wait_ns(kind, p->times[kind], seed);
	if (rows[kind].each_ns) {
		spend(p, kind, now_ns);
		due = max_ns(due, p->least_ns);
	}
	if (now_ns < p->due_ns && due < p->due_ns)
		return;
	p->due_ns = due;
	p->kind = (uint8_t)kind;
}

void pace_well(struct pace *p)
{
	memset(p->times, 0, sizeof(p->times));
	p->due_ns = 0;
}

static void again(struct pace *p, bool passes)
{
	for (unsigned i = 0; i < PACE_KINDS; i++) {
		if (rows[i].passes == passes)
			p->times[i] = 0;
	}
	if (rows[p->kind].passes == passes && p->due_ns > p->least_ns)
		p->due_ns = p->least_ns;
}

void pace_forgive(struct pace *p)
{
	again(p, false);
}

void pace_hurry(struct pace *p)
{
	again(p, true);
}
