/* SPDX-License-Identifier: Apache-2.0 */
/* A directory with a map in it, and a cluster that is published there. */
#ifndef PLACE_H
#define PLACE_H

#include "map/write.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define NOW (1000 * S)

static const struct map_write_options options = {.mode = 0600,
	.vnet4 = PEL_VNET4,
	.vnet4_bits = 16,
	.vnet6_bits = 48,
	.vnet6 = PEL_VNET6};

struct place {
	char path[64];
	int fd;
	struct map_write *w;
	const struct pel_map *map;
};

static inline int place_open(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/pelorus-test-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
	assert_true(p->fd >= 0);
	assert_int_equal(map_write_open(p->fd, &options, NOW, &p->w), 0);
	assert_int_equal(pel_map_attach(p->fd, &p->map), 0);
	*state = p;
	return 0;
}

static inline int place_close(void **state)
{
	struct place *p = *state;

	map_write_close(p->w, true);
	pel_map_detach(p->map);
	(void)unlinkat(p->fd, PEL_MAP_FILE, 0);
	(void)close(p->fd);
	assert_int_equal(rmdir(p->path), 0);
	free(p);
	return 0;
}

static inline void fill(struct pel_hot *hot, struct pel_cold *cold, const char *const *names,
	unsigned n)
{
	memset(cold, 0, sizeof(*cold));
	*hot = (struct pel_hot){.state = PEL_STATE_KNOWN, .n_instances = 1, .port = 3306};
	hot->instances[0].role = PEL_ROLE_WRITER;
	hot->n_names = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		hot->names[i].hash = pel_name_hash(names[i]);
		hot->names[i].role = PEL_ROLE_WRITER;
		strcpy(cold->names[i], names[i]);
	}
	strcpy(cold->instances[0].id, "demo-1");
}

static inline void publish_name(struct place *p, unsigned cluster, const char *name,
	unsigned changes)
{
	struct pel_hot hot;
	struct pel_cold cold;

	fill(&hot, &cold, &name, 1);
	map_write_publish(p->w, cluster, &hot, &cold, changes);
}

static inline int find(const struct pel_map *map, const char *name, struct pel_ref *ret)
{
	return pel_map_find(map, name, pel_name_hash(name), ret);
}

/* Ends the writer as SIGKILL does: the file stays as it is, its heartbeat stops. */
static inline void die(struct place *p)
{
	map_write_close(p->w, false);
	p->w = NULL;
}

#endif
