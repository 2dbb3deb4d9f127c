/* SPDX-License-Identifier: Apache-2.0 */
#include "drill.h"

#include "plan.h"
#include "base/env.h"
#include "base/process.h"

bool drill_is_begun(struct drill *d, const struct pel_map *map, uint64_t *ret_of)
{
	uint32_t word = map ? atomic_load_explicit(&map->header.drill, memory_order_acquire) : 0;
	bool moved = map && map == d->map && word != d->word;
	int32_t pid;

	d->map = map;
	d->word = word;
	if (!moved || env_get()->sever == SEVER_OFF)
		return false;
	*ret_of = atomic_load(&map->header.drill_of);
	pid = *ret_of ? 0 : map->header.drill_pid;
	return pid == 0 || pid == atomic_load(&process_get()->pid);
}

bool drill_is_of(struct followed *f, const struct sever_socket *s, uint16_t families, uint16_t port,
	uint64_t of)
{
	struct plan plan;
	unsigned i;

	if (plan_mode(f) != PEL_MODE_ACTIVE)
		return false;
	if (of == 0)
		return true;
	if (s->role != PEL_ROLE_READER && s->role != PEL_ROLE_CUSTOM)
		return false;
	plan_make(f, families, port, &plan);
	i = plan.verdict == ROUTE_INSTANCE ? sever_find_instance(&plan.hot, &s->real) : PEL_NONE;
	return i != PEL_NONE && i != plan.instance && PEL_DRILL_OF(&plan.hot, i) == of &&
		plan.hot.instances[i].admission != PEL_ADMITTED;
}
