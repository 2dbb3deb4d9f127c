/* SPDX-License-Identifier: Apache-2.0 */
/* What clients, and persons, ask of a cluster that is followed already. */
#include "internal.h"

#include "common/names.h"

#include <errno.h>

/* The name's address refused a client: without credentials nobody else can tell. */
static void note_refusal(struct cluster *c, const char *name)
{
	char normal[PEL_NAME_MAX];

	if (pel_name_normalise(name, normal) == 0)
		topology_feed_refusal(&c->topology, cluster_find_name(c, normal)->index,
			cluster_now(c));
}

int engine_hint(struct engine *e, const char *name, bool refused)
{
	struct cluster *c = engine_find(e, name);
	int taken = c ? schedule_hint(&c->schedule, loop_now_ns(e->loop)) : -ENOENT;

	if (c && refused)
		note_refusal(c, name);
	if (taken > 0)
		cluster_kick(c);
	return taken;
}

int engine_token(struct engine *e, const char *name, uint16_t port, const char *user, char *ret,
	size_t size)
{
	struct cluster *c = engine_find(e, name);
	char host[PEL_NAME_MAX];

	if (!c || pel_name_normalise(name, host) < 0)
		return -ENOENT;
	return remote_module_token(&e->remote, c->key, host, port ? port : c->topology.config.port,
		user, ret, size);
}

int engine_refresh(struct engine *e, const char *name)
{
	struct cluster *only = name ? engine_find(e, name) : NULL;

	if (name && !only)
		return -ENOENT;
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (!c || (only && c != only))
			continue;
		schedule_refresh(&c->schedule);
		c->scout_due_ns = 0;
		cluster_kick(c);
	}
	return 0;
}

static struct cluster *find_instance(struct engine *e, const char *name, const char *id,
	unsigned *ret_slot)
{
	struct cluster *c = engine_find(e, name);

	*ret_slot = c ? topology_find(&c->topology, id) : PEL_NONE;
	return *ret_slot == PEL_NONE ? NULL : c;
}

int engine_admit(struct engine *e, const char *name, const char *id, enum pel_admission admission)
{
	unsigned slot;
	struct cluster *c = find_instance(e, name, id, &slot);

	if (!c)
		return -ENOENT;
	cluster_note(c,
		topology_feed_admission(&c->topology, slot, admission, true, loop_now_ns(e->loop)));
	return 0;
}

int engine_warm(struct engine *e, const char *name, const char *id, const char *from)
{
	unsigned slot;
	struct cluster *c = find_instance(e, name, id, &slot);

	return c ? cluster_warm_begin(c, slot, from) : -ENOENT;
}

int engine_warm_look(struct engine *e, const char *name, const char *id, struct engine_warm *ret)
{
	unsigned slot;
	struct cluster *c = find_instance(e, name, id, &slot);

	return !c ? -ENOENT : cluster_warm_look(c, slot, ret) ? 0 : -ENODATA;
}
