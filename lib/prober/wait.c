/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include "follow.h"
#include "common/clock.h"
#include "base/futex.h"
#include "base/process.h"
#include "known/mapview.h"
#include "known/wish.h"

#include <errno.h>

#define SLICE_NS UINT64_C(250000000) /* looks at the heartbeat so often */
#define NO_MAP_NS UINT64_C(10000000) /* looks for the map of a prober that is starting */

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
	const struct wish *wish = wish_find();
	bool asked = false;
	int saved = errno;

	if ((wish && wish->never_waits) || !is_first_due(f, mapview_get(now), now) ||
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
		/* A name that it will not follow is not waited for. */
		if (lives && !asked && follow_is_refused(f, port))
			break;
		asked = lives;
		if (lives)
			futex_wait(&map->header.first, seen, NULL, 0,
				until - now < SLICE_NS ? until - now : SLICE_NS);
		else
			futex_wait(NULL, 0, &process->kick, atomic_load(&process->kick), NO_MAP_NS);
	}
	errno = saved;
}
