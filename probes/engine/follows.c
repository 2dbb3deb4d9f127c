/* SPDX-License-Identifier: Apache-2.0 */
/* The names that are followed. */
#include "follows.h"

#include <pelorus/map.h>
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOWS_MAX (PEL_MAP_CLUSTERS * PEL_MAP_NAMES)

struct follow {
	uint64_t hash; /* 0: free */
	uint64_t wanted_ns;
	bool permanent;
	char name[PEL_NAME_MAX];
};

struct follows {
	unsigned n; /* places that were ever used */
	struct follow list[FOLLOWS_MAX];
};

struct follows *follows_new(void)
{
	return calloc(1, sizeof(struct follows));
}

void follows_free(struct follows *f)
{
	free(f);
}

static struct follow *place_of(struct follows *f, uint64_t hash)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (f->list[i].hash == hash)
			return &f->list[i];
	}
	return NULL;
}

int follows_add(struct follows *f, const char *name, bool permanent, uint64_t now_ns)
{
	uint64_t hash = pel_name_hash(name);
	struct follow *one = place_of(f, hash);

	if (!one)
		one = place_of(f, 0);
	if (!one && f->n < FOLLOWS_MAX)
		one = &f->list[f->n++];
	if (!one)
		return -ENOSPC;
	one->permanent = (one->hash == hash && one->permanent) || permanent;
	one->hash = hash;
	one->wanted_ns = now_ns;
	strncpy(one->name, name, sizeof(one->name) - 1);
	return 0;
}

bool follows_want(struct follows *f, uint64_t hash, uint64_t now_ns)
{
	struct follow *one = hash ? place_of(f, hash) : NULL;

	if (one)
		one->wanted_ns = now_ns;
	return one;
}

void follows_drop(struct follows *f, const char *name)
{
	struct follow *one = place_of(f, pel_name_hash(name));

	if (one)
		one->hash = 0;
}

const char *follows_expire(struct follows *f, uint64_t now_ns)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct follow *one = &f->list[i];

		if (!one->hash || one->permanent || now_ns < one->wanted_ns + FOLLOWS_UNWANTED_NS)
			continue;
		one->hash = 0;
		return one->name;
	}
	return NULL;
}

bool follows_any_permanent(const struct follows *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (f->list[i].hash && f->list[i].permanent)
			return true;
	}
	return false;
}
