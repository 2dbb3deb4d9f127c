/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of watches. */
#include "watch.h"

#include "logic/pace.h"

void watch_begin(struct watch *w, uint64_t now_ns)
{
	w->began_ns = now_ns;
	w->told = false;
}

uint64_t watch_rest_ns(const struct watch *w, uint64_t wait_ns, uint64_t now_ns)
{
	uint64_t lasted_ns = now_ns - w->began_ns;

	return wait_ns > lasted_ns + WATCH_GAP_NS ? wait_ns - lasted_ns : WATCH_GAP_NS;
}

uint64_t watch_end(struct watch *w, uint64_t now_ns, uint64_t seed)
{
	bool well = w->told || now_ns - w->began_ns >= WATCH_LEAST_NS;

	w->cut = well ? 0 : w->cut + 1;
	return watch_rest_ns(w, well ? 0 : pace_wait_ns(PACE_COORDINATOR, w->cut, seed), now_ns);
}
