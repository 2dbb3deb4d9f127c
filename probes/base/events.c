/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of events in shared memory.
 *
 * An event's place is its number modulo the ring's size.  Its number is stored last and cleared
 * first: a worker that dies half-way leaves a gap, not half a line.
 */
#include "events.h"

#include "buf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct event {
	_Atomic uint64_t seq;
	char line[EVENTS_LINE_MAX];
};

struct ring {
	_Atomic uint64_t last;
	_Atomic uint64_t
		told; /* up to which it was told outside; EVENTS_UNTOLD: nobody has begun */
	_Atomic uint64_t counts[EVENTS_CODES];
	struct event events[EVENTS_KEPT];
};

/* Private to a process: another one must not call what this one registered. */
struct events {
	struct ring *ring;
	void (*added)(void *ctx);
	void *ctx;
};

struct events *events_new(void)
{
	struct events *events = calloc(1, sizeof(*events));
	void *ring = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (!events || ring == MAP_FAILED) {
		if (ring != MAP_FAILED)
			(void)munmap(ring, sizeof(struct ring));
		free(events);
		return NULL;
	}
	events->ring = ring;
	events->ring->told = EVENTS_UNTOLD;
	return events;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	(void)munmap(events->ring, sizeof(*events->ring));
	free(events);
}

void events_add(struct events *events, int64_t time_ms, const char *code, const char *cluster,
	const char *instance, const char *text)
{
	uint64_t seq = atomic_load(&events->ring->last) + 1;
	struct event *e = &events->ring->events[seq % EVENTS_KEPT];
	char time[TIME_MAX];
	struct buf b;

	atomic_store(&e->seq, 0);
	time_format(time_ms, time);
	buf_init(&b, e->line, sizeof(e->line));
	buf_addf(&b, "{\"seq\":%llu", (unsigned long long)seq);
	buf_add_member(&b, "time", time);
	buf_add_member(&b, "code", code);
	buf_add_member(&b, "cluster", cluster);
	buf_add_member(&b, "instance", instance);
	buf_add_member(&b, "text", text);
	buf_add(&b, "}");
	atomic_store(&e->seq, seq);
	atomic_store(&events->ring->last, seq);
	if (events->added)
		events->added(events->ctx);
}

uint64_t events_last(const struct events *events)
{
	return atomic_load(&events->ring->last);
}

uint64_t events_next(const struct events *events, uint64_t since,
	char ret_line[static EVENTS_LINE_MAX])
{
	uint64_t last = atomic_load(&events->ring->last);
	uint64_t seq;

	if (since >= last)
		return 0;
	seq = last > EVENTS_KEPT && since < last - EVENTS_KEPT ? last - EVENTS_KEPT : since;

	for (seq++; seq <= last; seq++) {
		const struct event *e = &events->ring->events[seq % EVENTS_KEPT];

		if (atomic_load(&e->seq) != seq)
			continue;
		memcpy(ret_line, e->line, EVENTS_LINE_MAX);
		ret_line[EVENTS_LINE_MAX - 1] = '\0';
		return seq;
	}
	return 0;
}

uint64_t events_told(const struct events *events)
{
	return atomic_load(&events->ring->told);
}

void events_set_told(struct events *events, uint64_t seq)
{
	atomic_store(&events->ring->told, seq);
}

void events_count(struct events *events, unsigned i)
{
	(void)atomic_fetch_add_explicit(&events->ring->counts[i], 1, memory_order_relaxed);
}

uint64_t events_counted(const struct events *events, unsigned i)
{
	return atomic_load_explicit(&events->ring->counts[i], memory_order_relaxed);
}

void events_on_add(struct events *events, void (*added)(void *ctx), void *ctx)
{
	events->added = added;
	events->ctx = ctx;
}
