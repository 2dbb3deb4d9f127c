/* SPDX-License-Identifier: Apache-2.0 */
#include "abi_wire.h"

#include "clock.h"
#include "cut.h"
#include "follow.h"
#include "futex.h"
#include "mapview.h"
#include "plan.h"
#include "track.h"

#include <pelorus/names.h>

#include <errno.h>

struct bind *abi_wire_bind(const char *host)
{
	char name[PEL_NAME_MAX];

	if (pel_name_normalise(host, name) < 0)
		return NULL;
	return bind_find_name(name, pel_name_hash(name));
}

bool abi_wire_is_proven(const struct abi_handle *h)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;
	struct pel_hot hot;
	struct track t;
	unsigned i;

	if (h->fd < 0 || !map || !pel_map_is_fresh(map, now) || !track_read(h->fd, &t) ||
		t.cookie != h->cookie || mapview_read(map, h->bind->name, h->bind->hash, &ref, &hot) < 0)
		return false;
	i = sever_find_instance(&hot, &t.socket.real);
	return hot.state == PEL_STATE_KNOWN && i != PEL_NONE && hot.instances[i].role == h->role;
}

void abi_wire_note_socket(struct abi_handle *h)
{
	h->fd = h->client->real.get_socket ? h->client->real.get_socket(h->mysql) : track_last();
	h->cookie = h->fd < 0 ? 0 : track_cookie(h->fd);
}

void abi_wire_sever(struct abi_handle *h)
{
	if (h->fd >= 0 && h->cookie != 0)
		(void)cut_socket(h->fd, h->cookie);
	h->fd = -1;
	h->cookie = 0;
}

void abi_wire_hint(const struct abi_handle *h)
{
	follow_hint(h->bind);
}

void abi_wire_wait(const struct abi_handle *h, uint64_t limit_ns)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_look(now);
	static const _Atomic uint32_t nobody;

	if (map && pel_map_is_fresh(map, now))
		futex_wait(&map->header.wake,
			atomic_load_explicit(&map->header.wake, memory_order_acquire), NULL, 0, limit_ns);
	else
		futex_wait(NULL, 0, &nobody, 0, limit_ns);
}

bool abi_wire_has_way(const struct abi_handle *h)
{
	struct plan plan;

	plan_make(h->bind, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	return plan.verdict == ROUTE_INSTANCE || plan.verdict == ROUTE_DNS;
}

bool abi_wire_lead_to(struct abi_handle *h, const char *id)
{
	return false;
}
