/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include "follow.h"
#include "common/clock.h"
#include "base/futex.h"
#include "base/process.h"
#include "known/mapview.h"

#include <errno.h>

#define SLICE_NS UINT64_C(250000000) /* looks at the heartbeat so often */
#define NO_MAP_NS UINT64_C(10000000) /* looks for the map of a prober that is starting */

static _Thread_local bool forbidden;

void wait_allow(bool may)
{
	forbidden = !may;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_writerless(struct followed *f, const struct pel_map *map, uint64_t now)
{
	struct pel_ref ref;
	struct pel_hot hot;

	return mapview_is_fresh(map, now) && mapview_read(map, f->name, f->hash, &ref, &hot) == 0 &&
		hot.state == PEL_STATE_WRITERLESS;
}

static void sleep_while_writerless(struct followed *f, uint64_t until)
{
	for (uint64_t now = clock_now_ns(); now < until; now = clock_now_ns()) {
		const struct pel_map *map = mapview_get(now);
		uint32_t seen;

		if (!map)
			return;
		/* Before the look, so that a change behind it ends the sleep at once. */
		seen = atomic_load_explicit(&map->header.wake, memory_order_acquire);
		if (!is_writerless(f, map, now))
			return;
		futex_wait(&map->header.wake, seen, NULL, 0, least(until - now, SLICE_NS));
	}
}

bool wait_for_writer(struct followed *f, const struct pel_hot *hot, uint64_t limit_ns)
{
	struct process *process = process_get();
	uint64_t waited = atomic_load(&f->waited_ns);
	int saved = errno;

	if (forbidden || hot->state != PEL_STATE_WRITERLESS || limit_ns == 0 ||
		waited == hot->writerless_ns)
		return false;
	if (atomic_exchange(&process->waits, 1))
		return false;
	if (!atomic_compare_exchange_strong(&f->waited_ns, &waited, hot->writerless_ns)) {
		atomic_store(&process->waits, 0);
		return false;
	}
	sleep_while_writerless(f, clock_now_ns() + least(limit_ns, WAIT_WRITER_NS));
	atomic_store(&process->waits, 0);
	errno = saved;
	return true;
}

/* True while the prober may still be about to say what this name leads to. */
static bool is_first_due(struct followed *f, const struct pel_map *map, uint64_t now)
{
	struct pel_ref ref;
	struct pel_hot hot;
	int r;

	if (!mapview_is_fresh(map, now))
		return true;
	r = mapview_read(map, f->name, f->hash, &ref, &hot);
	if (r < 0)
		return true;
	return hot.state == PEL_STATE_UNKNOWN && hot.why == PEL_WHY_STARTING;
}

void wait_for_first(struct followed *f, uint16_t port)
{
	struct process *process = process_get();
	uint64_t now = clock_now_ns(), until = now + WAIT_FIRST_NS;
	int saved = errno;

	if (forbidden || !is_first_due(f, mapview_get(now), now) ||
		atomic_exchange(&process->waited_first, 1))
		return;
	for (; now < until; now = clock_now_ns()) {
		const struct pel_map *map = mapview_look(now);
		const bool lives = mapview_is_fresh(map, now);
		uint32_t seen =
			lives ? atomic_load_explicit(&map->header.first, memory_order_acquire) : 0;

		if (!is_first_due(f, map, now))
			break;
		(void)follow_tell(f, port, now);
		if (lives)
			futex_wait(&map->header.first, seen, NULL, 0, least(until - now, SLICE_NS));
		else
			futex_wait(NULL, 0, &process->kick, atomic_load(&process->kick), NO_MAP_NS);
	}
	errno = saved;
}
