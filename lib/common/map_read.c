/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map's reader: bounded, allocation-free copies out of memory that another process writes.
 *
 * A sequence word is even while its record is at rest.  The reader takes it (acquire, partner: the
 * writer's release store when it ends), copies with relaxed loads, and takes it again behind an
 * acquire fence (partner: the release fence after the writer made it odd).  Different or odd
 * values mean a torn copy: tried again PEL_TRIES times, then given up, for the writer may have died
 * half-way.
 */
#include <pelorus/map.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEL_TRIES 64

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "plain atomics");

static void map_copy(void *to, const void *from, size_t size)
{
	uint64_t *out = to;
	const _Atomic uint64_t *in = from;

	for (size_t i = 0; i < size / sizeof(*out); i++)
		out[i] = atomic_load_explicit(&in[i], memory_order_relaxed);
}

static bool seq_is_unmoved(const _Atomic uint32_t *word, uint32_t seen)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(word, memory_order_relaxed) == seen;
}

int pel_map_attach(int dirfd, const struct pel_map **ret)
{
	struct stat st;
	const struct pel_map *map;
	int r, fd = openat(dirfd, PEL_MAP_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		goto out;
	}
	r = -EPROTO;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct pel_map))
		goto out;
	map = mmap(NULL, sizeof(*map), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		r = -errno;
		goto out;
	}
	if (map->header.magic != PEL_MAP_MAGIC || map->header.version != PEL_MAP_VERSION ||
		map->header.header_size != sizeof(map->header) ||
		map->header.file_size != sizeof(*map)) {
		pel_map_detach(map);
		goto out;
	}
	*ret = map;
	r = 0;
out:
	(void)close(fd);
	return r;
}

void pel_map_detach(const struct pel_map *map)
{
	(void)munmap((void *)(uintptr_t)map, sizeof(*map));
}

bool pel_map_is_fresh(const struct pel_map *map, uint64_t now_ns)
{
	uint64_t beat = atomic_load_explicit(&map->header.heartbeat_ns, memory_order_acquire);

	/* One far ahead is of before a reboot; a little, and `now` was read before it. */
	return beat != 0 && beat <= now_ns + PEL_HEARTBEAT_AHEAD_NS &&
		now_ns <= beat + PEL_HEARTBEAT_STALE_NS;
}

/* One pass over the probe sequence of a hash; the caller checks that the index did not move. */
static int index_probe(const struct pel_map *map, uint64_t hash, struct pel_map_entry *ret)
{
	for (size_t i = 0; i < PEL_MAP_INDEX; i++) {
		const struct pel_map_entry *e = &map->index[(hash + i) & (PEL_MAP_INDEX - 1)];

		map_copy(ret, e, sizeof(*ret));
		if (ret->hash == 0)
			return -ENOENT;
		if (ret->hash == hash)
			return 0;
	}
	return -ENOENT;
}

static int index_find(const struct pel_map *map, uint64_t hash, struct pel_map_entry *ret)
{
	const _Atomic uint32_t *word = &map->header.index_seq;

	for (int i = 0; i < PEL_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(word, memory_order_acquire);
		int r;

		if (seq & 1)
			continue;
		r = index_probe(map, hash, ret);
		if (seq_is_unmoved(word, seq))
			return r;
	}
	return -EAGAIN;
}

/* The record's uid and one of its names, as one consistent pair. */
static int name_read(const struct pel_map *map, unsigned cluster, unsigned name, uint64_t *ret_uid,
	char ret_text[static PEL_NAME_MAX])
{
	const struct pel_map_cluster *c = &map->clusters[cluster];

	for (int i = 0; i < PEL_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		map_copy(ret_uid, &c->hot.uid, sizeof(*ret_uid));
		map_copy(ret_text, c->cold.names[name], PEL_NAME_MAX);
		if (seq_is_unmoved(&c->seq, seq))
			return 0;
	}
	return -EAGAIN;
}

int pel_map_find(const struct pel_map *map, const char *name, uint64_t hash, struct pel_ref *ret)
{
	char text[PEL_NAME_MAX] __attribute__((aligned(8)));
	struct pel_map_entry e;
	uint64_t uid;
	int r = index_find(map, hash, &e);

	if (r < 0)
		return r;
	if (e.cluster >= PEL_MAP_CLUSTERS || e.name >= PEL_MAP_NAMES)
		return -ENOENT;
	r = name_read(map, e.cluster, e.name, &uid, text);
	if (r < 0)
		return r;
	if (uid == 0 || strncmp(text, name, PEL_NAME_MAX) != 0)
		return -ENOENT;
	*ret = (struct pel_ref){.uid = uid, .cluster = e.cluster, .name = e.name};
	return 0;
}

static unsigned index_count(const struct pel_map *map, pel_map_hash *is_it, const void *context,
	struct pel_map_entry *ret)
{
	unsigned found = 0;

	for (size_t i = 0; i < PEL_MAP_INDEX; i++) {
		struct pel_map_entry e;

		map_copy(&e, &map->index[i], sizeof(e));
		if (e.hash == 0 || !is_it(context, e.hash))
			continue;
		*ret = e;
		found++;
	}
	return found;
}

int pel_map_find_hash(const struct pel_map *map, pel_map_hash *is_it, const void *context,
	char ret_name[static PEL_NAME_MAX])
{
	const _Atomic uint32_t *word = &map->header.index_seq;
	char text[PEL_NAME_MAX] __attribute__((aligned(8)));
	struct pel_map_entry e;

	for (int i = 0; i < PEL_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(word, memory_order_acquire);
		unsigned found = seq & 1 ? 0 : index_count(map, is_it, context, &e);
		uint64_t uid;

		if ((seq & 1) || !seq_is_unmoved(word, seq))
			continue;
		if (found != 1 || e.cluster >= PEL_MAP_CLUSTERS || e.name >= PEL_MAP_NAMES)
			return -ENOENT;
		if (name_read(map, e.cluster, e.name, &uid, text) < 0)
			return -EAGAIN;
		text[PEL_NAME_MAX - 1] = '\0';
		strcpy(ret_name, text);
		return uid != 0 ? 0 : -ENOENT;
	}
	return -EAGAIN;
}

static bool hot_is_sane(const struct pel_hot *h)
{
	if (h->state > PEL_STATE_WRITERLESS || h->n_instances > PEL_MAP_INSTANCES ||
		h->n_names > PEL_MAP_NAMES || h->selector > PEL_SELECT_LEAST_LOAD ||
		h->fallback > PEL_FALLBACK_REFUSE)
		return false;
	if (h->writer != PEL_NONE && h->writer >= h->n_instances)
		return false;
	if (h->state != PEL_STATE_KNOWN && h->writer != PEL_NONE)
		return false;
	for (unsigned i = 0; i < h->n_instances; i++) {
		const struct pel_hot_instance *in = &h->instances[i];

		if (in->role > PEL_ROLE_WRITER || in->self_role > PEL_ROLE_WRITER ||
			in->health > PEL_HEALTH_UNREACHABLE || in->admission > PEL_ADMIT_HELD)
			return false;
	}
	for (unsigned i = 0; i < h->n_names; i++) {
		if (h->names[i].role > PEL_ROLE_CUSTOM || h->names[i].n_addrs > PEL_MAP_ADDRS)
			return false;
	}
	return true;
}

int pel_map_read_hot(const struct pel_map *map, unsigned cluster, struct pel_hot *ret)
{
	return pel_map_read_all(map, cluster, ret, NULL);
}

/*
 * Most records are far from full, and each connect by name copies one: what is not in use is not
 * looked at.  It reads as zero.
 */
static void hot_copy(struct pel_hot *to, const struct pel_hot *from)
{
	memset(to, 0, sizeof(*to));
	map_copy(to, from, offsetof(struct pel_hot, instances));
	if (to->n_instances <= PEL_MAP_INSTANCES)
		map_copy(to->instances, from->instances,
			to->n_instances * sizeof(to->instances[0]));
	if (to->n_names <= PEL_MAP_NAMES)
		map_copy(to->names, from->names, to->n_names * sizeof(to->names[0]));
}

static void cold_terminate(struct pel_cold *cold)
{
	for (int i = 0; i < PEL_MAP_NAMES; i++)
		cold->names[i][PEL_NAME_MAX - 1] = '\0';
	for (int i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct pel_cold_instance *in = &cold->instances[i];

		in->id[sizeof(in->id) - 1] = '\0';
		in->uuid[sizeof(in->uuid) - 1] = '\0';
		in->host[sizeof(in->host) - 1] = '\0';
		in->zone[sizeof(in->zone) - 1] = '\0';
	}
}

int pel_map_read_all(const struct pel_map *map, unsigned cluster, struct pel_hot *ret_hot,
	struct pel_cold *ret_cold)
{
	const struct pel_map_cluster *c = &map->clusters[cluster];

	if (cluster >= PEL_MAP_CLUSTERS)
		return -ENOENT;
	for (int i = 0; i < PEL_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		hot_copy(ret_hot, &c->hot);
		if (ret_cold)
			map_copy(ret_cold, &c->cold, sizeof(*ret_cold));
		if (!seq_is_unmoved(&c->seq, seq))
			continue;
		if (ret_cold)
			cold_terminate(ret_cold);
		if (!hot_is_sane(ret_hot))
			return -EPROTO;
		return ret_hot->state == PEL_STATE_FREE ? -ENOENT : 0;
	}
	return -EAGAIN;
}

uint64_t pel_map_generation(const struct pel_map *map, unsigned cluster)
{
	const struct pel_map_cluster *c = &map->clusters[cluster];
	uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);
	uint64_t generation;

	if (seq & 1)
		return 0;
	map_copy(&generation, &c->hot.generation, sizeof(generation));
	return seq_is_unmoved(&c->seq, seq) ? generation : 0;
}

static enum pel_mode mode_load(const _Atomic uint8_t *mode)
{
	uint8_t m = atomic_load_explicit(mode, memory_order_relaxed);

	return m < PEL_MODE_OFF ? (enum pel_mode)m : PEL_MODE_OFF;
}

enum pel_mode pel_map_mode(const struct pel_map *map, unsigned cluster)
{
	enum pel_mode all = mode_load(&map->header.mode), one = PEL_MODE_ACTIVE;

	if (cluster < PEL_MAP_CLUSTERS)
		one = mode_load(&map->header.modes[cluster]);
	return one > all ? one : all;
}
