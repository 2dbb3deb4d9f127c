/* SPDX-License-Identifier: Apache-2.0 */
/* A world for the schedule: it answers, and counts everything that it is asked. */
#ifndef SCHEDULE_WORLD_H
#define SCHEDULE_WORLD_H

#include "logic/schedule.h"

#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define START (UINT64_C(5000000) * MS)
#define NEVER UINT64_MAX

struct world {
	struct schedule s;
	uint64_t now;
	uint64_t rtt[SCHEDULE_SLOTS];  /* NEVER: does not answer */
	bool refuses[SCHEDULE_SLOTS];  /* attempts fail at once */
	uint64_t ends[SCHEDULE_SLOTS]; /* of the action under way; 0: none */
	uint8_t doing[SCHEDULE_SLOTS];
	unsigned count[SCHEDULE_SLOTS][3]; /* by enum schedule_kind */
	uint64_t last[SCHEDULE_SLOTS], closest[SCHEDULE_SLOTS];
	uint64_t last_table, closest_table;
};

static inline void world_reset(struct world *w)
{
	memset(w->count, 0, sizeof(w->count));
	memset(w->last, 0, sizeof(w->last));
	memset(w->closest, 0xff, sizeof(w->closest));
	w->last_table = 0;
	w->closest_table = NEVER;
}

static inline void world_end(struct world *w, unsigned slot)
{
	w->ends[slot] = 0;
	if (w->doing[slot] != SCHEDULE_CONNECT)
		schedule_answered(&w->s, slot, w->now);
	else if (w->refuses[slot])
		schedule_lost(&w->s, slot, w->now);
	else
		schedule_connected(&w->s, slot, w->now);
}

static inline void world_begin(struct world *w, const struct schedule_action *a)
{
	uint64_t rtt = w->rtt[a->slot];

	assert_int_equal(w->ends[a->slot], 0);
	w->doing[a->slot] = a->kind;
	w->ends[a->slot] = rtt == NEVER ? NEVER : w->now + rtt;
	w->count[a->slot][a->kind]++;
	if (w->last[a->slot] && w->now - w->last[a->slot] < w->closest[a->slot])
		w->closest[a->slot] = w->now - w->last[a->slot];
	w->last[a->slot] = w->now;
	if (a->kind != SCHEDULE_TABLE)
		return;
	if (w->last_table && w->now - w->last_table < w->closest_table)
		w->closest_table = w->now - w->last_table;
	w->last_table = w->now;
}

static inline void world_run(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms * MS;

	while (w->now < end) {
		struct schedule_action a;
		uint64_t next = end;

		for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
			if (w->ends[i] && w->ends[i] <= w->now)
				world_end(w, i);
		}
		while (schedule_next(&w->s, w->now, &a))
			world_begin(w, &a);
		assert_true(schedule_deadline(&w->s, w->now) > w->now);
		if (schedule_deadline(&w->s, w->now) < next)
			next = schedule_deadline(&w->s, w->now);
		for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
			if (w->ends[i] && w->ends[i] < next)
				next = w->ends[i];
		}
		w->now = next;
	}
}

/* `n` instances, slot 0 the writer, all connected. */
static inline struct world *world_new(unsigned n)
{
	struct world *w = calloc(1, sizeof(*w));

	w->now = START;
	schedule_init(&w->s, 42, w->now);
	for (unsigned i = 0; i < n; i++) {
		w->rtt[i] = MS;
		schedule_add(&w->s, i, w->now);
	}
	schedule_set_writer(&w->s, 0, PACE_ROLE);
	world_run(w, 100);
	world_reset(w);
	return w;
}

static inline unsigned statements(const struct world *w, unsigned slot)
{
	return w->count[slot][SCHEDULE_ROLE] + w->count[slot][SCHEDULE_TABLE];
}

#define BETWEEN(low, x, high) assert_in_range(x, low, high)

#endif
