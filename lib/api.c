/* SPDX-License-Identifier: Apache-2.0 */
/* The C API: what the map says, in the words of include/pelorus.h. */
#include "common/names.h"
#include "rules/route.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "base/process.h"
#include "base/say.h"
#include "known/address.h"
#include "known/mapview.h"
#include "known/plan.h"
#include "prober/follow.h"
#include "connections/sockets.h"
#include "client/handle.h"

#include <pelorus.h>

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define API_EXPORT __attribute__((visibility("default")))
/* What the first release had; members behind these may be missing in a caller's. */
#define INSTANCE_FIRST_SIZE (offsetof(struct pelorus_instance, round_trip_us) + sizeof(uint32_t))
#define SLICE_NS UINT64_C(100000000) /* the map's word does not move with every epoch */

struct pelorus_topology {
	struct pel_hot hot;
	struct pel_cold cold;
	struct pelorus_instance instances[PEL_MAP_INSTANCES];
};

_Static_assert((int)PELORUS_WRITER == (int)PEL_ROLE_WRITER &&
		(int)PELORUS_READER == (int)PEL_ROLE_READER &&
		(int)PELORUS_CUSTOM == (int)PEL_ROLE_CUSTOM,
	"roles");
_Static_assert((int)PELORUS_STATE_WRITERLESS == (int)PEL_STATE_WRITERLESS &&
		(int)PELORUS_STATE_KNOWN == (int)PEL_STATE_KNOWN,
	"states");
_Static_assert((int)PELORUS_HEALTH_UNREACHABLE == (int)PEL_HEALTH_UNREACHABLE &&
		(int)PELORUS_HEALTH_STALLED == (int)PEL_HEALTH_STALLED,
	"health");

API_EXPORT const char *pelorus_version(void)
{
	return PELORUS_VERSION;
}

/* Follows the endpoint; 0, -EINVAL, -ENODATA. */
static int follow(const char *endpoint, struct followed **ret)
{
	char name[PEL_NAME_MAX];

	if (!endpoint || pel_name_normalise(endpoint, name) < 0)
		return -EINVAL;
	*ret = env_get()->active ? follow_name(name) : NULL;
	if (!*ret)
		return -ENODATA;
	(void)follow_tell(*ret, 0, clock_now_ns());
	return 0;
}

static const struct pel_map *fresh_map(uint64_t now)
{
	const struct pel_map *map = mapview_look(now);

	return mapview_is_fresh(map, now) ? map : NULL;
}

static void describe(const struct pel_hot *hot, const struct pel_cold *cold, unsigned i,
	struct pelorus_instance *ret)
{
	const struct pel_hot_instance *from = &hot->instances[i];
	struct pel_addr addr;

	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	strcpy(ret->id, cold->instances[i].id);
	strcpy(ret->host, cold->instances[i].host);
	if (route_address(hot, i, PEL_NONE, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &addr))
		address_to_text(&addr, false, ret->address);
	ret->port = from->port ? from->port : hot->port;
	ret->role = (enum pelorus_role)from->role;
	ret->health = (enum pelorus_health)from->health;
	ret->lag_ms = from->lag_ms;
	ret->round_trip_us = from->rtt_us;
}

/* 0 or -ENODATA. */
static int read_topology(const struct followed *f, struct pelorus_topology *ret)
{
	const struct pel_map *map = fresh_map(clock_now_ns());
	struct pel_ref ref;
	int r = -EAGAIN;

	if (!map)
		return -ENODATA;
	for (int i = 0; i < 3 && r == -EAGAIN; i++) {
		r = pel_map_find(map, f->name, f->hash, &ref);
		if (r == 0)
			r = pel_map_read_all(map, ref.cluster, &ret->hot, &ret->cold);
	}
	if (r < 0)
		return -ENODATA;
	for (unsigned i = 0; i < ret->hot.n_instances; i++)
		describe(&ret->hot, &ret->cold, i, &ret->instances[i]);
	return 0;
}

API_EXPORT int pelorus_topology_get(const char *endpoint, struct pelorus_topology **ret)
{
	int saved = errno, r;
	struct pelorus_topology *t;
	struct followed *f;

	r = follow(endpoint, &f);
	if (r < 0)
		return r;
	t = malloc(sizeof(*t));
	r = t ? read_topology(f, t) : -ENOMEM;
	if (r < 0)
		free(t);
	else
		*ret = t;
	errno = saved;
	return r;
}

API_EXPORT void pelorus_topology_free(struct pelorus_topology *topology)
{
	free(topology);
}

API_EXPORT enum pelorus_state pelorus_topology_state(const struct pelorus_topology *topology)
{
	return (enum pelorus_state)topology->hot.state;
}

API_EXPORT uint64_t pelorus_topology_epoch(const struct pelorus_topology *topology)
{
	return topology->hot.epoch ? topology->hot.epoch : 1;
}

API_EXPORT unsigned pelorus_topology_count(const struct pelorus_topology *topology)
{
	return topology->hot.n_instances;
}

API_EXPORT const struct pelorus_instance *pelorus_topology_instance(const struct pelorus_topology
									    *topology,
	unsigned number)
{
	return number < topology->hot.n_instances ? &topology->instances[number] : NULL;
}

/* True if there is a known topology of another epoch. */
static bool has_moved(const struct followed *f, uint64_t epoch)
{
	const struct pel_map *map = fresh_map(clock_now_ns());
	struct pel_ref ref;
	struct pel_hot hot;

	return map && mapview_read(map, f->name, f->hash, &ref, &hot) == 0 &&
		hot.state != PEL_STATE_UNKNOWN && (hot.epoch ? hot.epoch : 1) != epoch;
}

API_EXPORT int pelorus_wait(const char *endpoint, uint64_t epoch, unsigned timeout_ms)
{
	static const _Atomic uint32_t nobody;
	uint64_t until = clock_now_ns() + (uint64_t)timeout_ms * 1000000, now;
	int saved = errno, r;
	struct followed *f;

	r = follow(endpoint, &f);
	if (r < 0)
		return r;
	for (now = clock_now_ns(); now < until; now = clock_now_ns()) {
		const struct pel_map *map = fresh_map(now);
		const _Atomic uint32_t *word = map ? &map->header.wake : &nobody;
		uint32_t seen = atomic_load_explicit(word, memory_order_acquire);

		if (has_moved(f, epoch))
			break;
		(void)follow_tell(f, 0, now);
		futex_wait(map ? word : NULL, seen, map ? NULL : word, seen,
			until - now < SLICE_NS ? until - now : SLICE_NS);
	}
	r = has_moved(f, epoch) ? 0 : -ETIMEDOUT;
	errno = saved;
	return r;
}

/* Fills as much as the caller's release has room for; 0, or -EINVAL if it does not say how much. */
static int give(const struct pelorus_instance *from, struct pelorus_instance *ret)
{
	size_t room = ret->size, n = room < from->size ? room : from->size;

	if (room < INSTANCE_FIRST_SIZE)
		return -EINVAL;
	memcpy(ret, from, n);
	memset((char *)ret + n, 0, room - n);
	ret->size = n;
	return 0;
}

/* The instance that the route names; 0, -EAGAIN, -ENODATA. */
static int route_to(struct followed *f, enum pelorus_role role, const struct pelorus_topology *t,
	unsigned *ret)
{
	const struct pel_map *map = mapview_get(clock_now_ns());
	struct pel_ref ref = {0};
	struct route_intent intent = {.role = (uint8_t)role,
		.fresh = true,
		.families = ROUTE_FAMILY4 | ROUTE_FAMILY6,
		.now_ns = clock_now_ns(),
		.random = process_random(),
		.turn = plan_turn(f)};
	struct route route;

	if (!map || pel_map_find(map, f->name, f->hash, &ref) < 0 ||
		plan_mode(f) != PEL_MODE_ACTIVE)
		return -ENODATA;
	intent.name = (uint8_t)ref.name;
	if (role == PELORUS_UNKNOWN)
		intent.role = f->role ? f->role : t->hot.names[ref.name].role;
	intent.excluded = followed_excluded(f, &t->hot, intent.now_ns);
	route = route_choose(&t->hot, &intent);
	if (route.verdict == ROUTE_WAIT)
		return -EAGAIN;
	(void)atomic_fetch_add(&f->turn, 1);
	*ret = route.instance;
	return route.verdict == ROUTE_INSTANCE ? 0 : -ENODATA;
}

API_EXPORT int pelorus_resolve(const char *endpoint, enum pelorus_role role,
	struct pelorus_instance *ret)
{
	struct pelorus_topology *t;
	struct followed *f;
	unsigned i = 0;
	int r = pelorus_topology_get(endpoint, &t);

	if (r < 0)
		return r;
	r = follow(endpoint, &f);
	if (r == 0)
		r = route_to(f, role, t, &i);
	if (r == 0)
		r = give(&t->instances[i], ret);
	pelorus_topology_free(t);
	return r;
}

API_EXPORT int pelorus_connection(const void *mysql, struct pelorus_instance *ret)
{
	const struct handle *h = handle_of(mysql);
	struct pelorus_topology *t;
	struct socket_record record;
	unsigned i = PEL_NONE;
	int r;

	if (!h)
		return -ENOENT;
	r = pelorus_topology_get(h->followed->name, &t);
	if (r < 0)
		return r;
	if (h->fd >= 0 && sockets_read(h->fd, &record) && record.cookie == h->cookie)
		i = sever_find_instance(&t->hot, &record.socket.real);
	r = i != PEL_NONE ? give(&t->instances[i], ret) : -ENODATA;
	pelorus_topology_free(t);
	return r;
}

API_EXPORT int pelorus_reason(char *ret, size_t size)
{
	return say_last(ret, size);
}
