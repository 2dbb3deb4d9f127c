/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of clusters that the map has no record of now. */
#include "held.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

struct map_held {
	struct map_held *next;
	uint64_t names[PEL_MAP_NAMES]; /* hashes */
	unsigned n_names, n;
	uint64_t awaited_ns;
	char ids[PEL_MAP_INSTANCES][PEL_ID_MAX];
};

static bool has_name(const struct map_held *held, uint64_t hash)
{
	for (unsigned i = 0; i < held->n_names; i++) {
		if (held->names[i] == hash)
			return true;
	}
	return false;
}

/* Takes the first out of the list that has the name; NULL if none has. */
static struct map_held *unlink_name(struct map_held **list, uint64_t hash)
{
	for (struct map_held **at = list; *at; at = &(*at)->next) {
		struct map_held *found = *at;

		if (!has_name(found, hash))
			continue;
		*at = found->next;
		return found;
	}
	return NULL;
}

/* Those of whom only a writer was awaited, and is no more. */
static void drop_old(struct map_held **list, uint64_t now_ns)
{
	for (struct map_held **at = list; *at;) {
		struct map_held *old = *at;

		if (old->n > 0 || old->awaited_ns + MAP_HELD_AWAITED_NS > now_ns) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		free(old);
	}
}

void map_held_keep(struct map_held **list, const struct pel_hot *hot, const struct pel_cold *cold,
	uint64_t now_ns)
{
	struct map_held *held = calloc(1, sizeof(*held));

	drop_old(list, now_ns);
	if (!held)
		return;
	if (hot->state == PEL_STATE_WRITERLESS)
		held->awaited_ns = hot->writerless_ns;
	else if (hot->writer != PEL_NONE)
		held->awaited_ns = now_ns;
	for (unsigned i = 0; i < hot->n_names; i++) {
		held->names[held->n_names++] = hot->names[i].hash;
		free(unlink_name(list, hot->names[i].hash));
	}
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].flags & PEL_INST_BY_HAND)
			memcpy(held->ids[held->n++], cold->instances[i].id, PEL_ID_MAX);
	}
	if (held->n == 0 && held->awaited_ns == 0) {
		free(held);
		return;
	}
	held->next = *list;
	*list = held;
}

unsigned map_held_take(struct map_held **list, const char *name,
	char ret[static PEL_MAP_INSTANCES][PEL_ID_MAX], uint64_t *ret_awaited_ns)
{
	struct map_held *held = unlink_name(list, pel_name_hash(name));
	unsigned n = held ? held->n : 0;

	*ret_awaited_ns = held ? held->awaited_ns : 0;
	for (unsigned i = 0; i < n; i++)
		memcpy(ret[i], held->ids[i], PEL_ID_MAX);
	free(held);
	return n;
}

void map_held_free(struct map_held **list)
{
	while (*list) {
		struct map_held *next = (*list)->next;

		free(*list);
		*list = next;
	}
}
