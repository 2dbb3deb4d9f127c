/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"

static enum release stay(const struct release_look *l)
{
	if (l->parked_at == 0)
		return RELEASE_KEEP;
	if (l->park == 0)
		return RELEASE_REFUSE;
	return l->park == l->parked_at ? RELEASE_KEEP : RELEASE_REPARK;
}

enum release release_decide(const struct release_look *l)
{
	if (l->verdict == ROUTE_WAIT || l->starting || l->wrong)
		return l->now_ns >= l->until_ns ? RELEASE_REFUSE : stay(l);
	if (l->over || !l->leads)
		return RELEASE_REFUSE;
	return l->now_ns >= l->due_ns || l->now_ns >= l->until_ns ? RELEASE_GO : RELEASE_KEEP;
}

uint64_t release_window_ns(uint32_t crowd)
{
	uint64_t window = crowd > 1 ? (crowd - 1) * RELEASE_PER_SOCKET_NS : 0;

	return window < RELEASE_WINDOW_MAX_NS ? window : RELEASE_WINDOW_MAX_NS;
}

uint64_t release_due_ns(uint64_t since_ns, uint64_t window_ns, uint64_t random)
{
	return since_ns + (((random >> 32) * window_ns) >> 32);
}
