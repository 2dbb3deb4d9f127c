/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map's writer.
 *
 * A sequence word is made odd, then a release fence (partner: the reader's acquire fence before it
 * looks at the word again), then the data in relaxed stores, then the word is made even by a
 * release store (partner: the reader's first acquire load).  Only words that differ are stored: the
 * lines of what did not change stay clean in the readers' caches.
 *
 * The file may be replaced below us, so that all that is published is kept in `clusters` too: it is
 * what a new file is filled from.
 */
#include "write.h"

#include "file.h"
#include "held.h"

#include "common/names.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_CHECK_NS UINT64_C(1000000000)
#define SWITCHES_AT offsetof(struct pel_map_header, mode)
#define SWITCHES_SIZE (offsetof(struct pel_map_header, fill) - SWITCHES_AT)

struct map_record {
	bool used;
	bool unclaimed;
	struct pel_hot hot;
	struct pel_cold cold;
};

struct map_write {
	struct map_file file;
	struct map_write_options options;
	uint64_t checked_ns;
	uint32_t crowd;
	struct map_record *clusters[PEL_MAP_CLUSTERS]; /* NULL: never used */
	struct map_held *held;                         /* of clusters without a record */
};

static void words_store(void *to, const void *from, size_t size)
{
	_Atomic uint64_t *out = to;
	const uint64_t *in = from;

	for (size_t i = 0; i < size / sizeof(*in); i++) {
		if (atomic_load_explicit(&out[i], memory_order_relaxed) != in[i])
			atomic_store_explicit(&out[i], in[i], memory_order_relaxed);
	}
}

/* A writer that died half-way left the word odd: it becomes the next odd one. */
static uint32_t seq_begin(_Atomic uint32_t *word)
{
	uint32_t odd = (atomic_load_explicit(word, memory_order_relaxed) + 1) | 1;

	atomic_store_explicit(word, odd, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	return odd;
}

static void seq_end(_Atomic uint32_t *word, uint32_t odd)
{
	atomic_store_explicit(word, odd + 1, memory_order_release);
}

static void word_move(_Atomic uint32_t *word)
{
	(void)atomic_fetch_add_explicit(word, 1, memory_order_release);
	(void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static uint64_t netns_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static void park_fill(struct map_write *w)
{
	w->file.map->header.park4 = w->options.park4;
	w->file.map->header.park6 = w->options.park6;
}

static void header_fill(struct map_write *w, uint64_t now_ns)
{
	struct pel_map_header *h = &w->file.map->header;

	h->magic = PEL_MAP_MAGIC;
	h->version = PEL_MAP_VERSION;
	h->header_size = sizeof(*h);
	h->file_size = sizeof(*w->file.map);
	h->netns = netns_inode();
	h->start_ns = now_ns;
	h->pid = (int32_t)getpid();
	h->vnet4 = w->options.vnet4;
	h->vnet4_bits = w->options.vnet4_bits;
	h->vnet6_bits = w->options.vnet6_bits;
	memcpy(h->vnet6, w->options.vnet6, sizeof(h->vnet6));
	park_fill(w);
	atomic_store_explicit(&h->heartbeat_ns, now_ns, memory_order_release);
}

static void record_store(struct map_write *w, unsigned cluster, const struct pel_hot *hot,
	const struct pel_cold *cold)
{
	struct pel_map_cluster *c = &w->file.map->clusters[cluster];
	uint32_t odd = seq_begin(&c->seq);

	words_store(&c->hot, hot, sizeof(*hot));
	words_store(&c->cold, cold, sizeof(*cold));
	seq_end(&c->seq, odd);
}

static void index_add(struct pel_map_entry *index, uint64_t hash, unsigned cluster, unsigned name)
{
	for (size_t i = 0; i < PEL_MAP_INDEX; i++) {
		struct pel_map_entry *e = &index[(hash + i) & (PEL_MAP_INDEX - 1)];

		if (e->hash == hash)
			return;
		if (e->hash == 0) {
			e->hash = hash;
			e->cluster = (uint16_t)cluster;
			e->name = (uint16_t)name;
			return;
		}
	}
}

/* Built aside, so that the index is odd only while the words that differ are stored. */
static int index_rebuild(struct map_write *w)
{
	struct pel_map_entry *index = calloc(PEL_MAP_INDEX, sizeof(*index));
	uint32_t odd;

	if (!index)
		return -ENOMEM;
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		const struct map_record *rec = w->clusters[c];

		for (unsigned n = 0; rec && rec->used && n < rec->hot.n_names; n++) {
			if (rec->hot.names[n].hash)
				index_add(index, rec->hot.names[n].hash, c, n);
		}
	}
	odd = seq_begin(&w->file.map->header.index_seq);
	words_store(w->file.map->index, index, PEL_MAP_INDEX * sizeof(*index));
	seq_end(&w->file.map->header.index_seq, odd);
	free(index);
	return 0;
}

static struct map_record *record_new(struct map_write *w, unsigned cluster)
{
	if (!w->clusters[cluster])
		w->clusters[cluster] = calloc(1, sizeof(*w->clusters[cluster]));
	return w->clusters[cluster];
}

/* For when its names are followed again. */
static void record_remember(struct map_write *w, const struct map_record *rec)
{
	map_held_keep(&w->held, &rec->hot, &rec->cold,
		atomic_load_explicit(&w->file.map->header.heartbeat_ns, memory_order_relaxed));
}

/* What the earlier prober said, each record if it is sane and whole; the rest is freed.  Not to
 * `keep` it leaves whom it held by hand. */
static void records_inherit(struct map_write *w, bool keep)
{
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		static const struct pel_cold no_cold;
		static const struct pel_hot no_hot = {.writer = PEL_NONE};
		struct map_record *rec;

		if (w->file.map->clusters[c].seq == 0)
			continue;
		rec = record_new(w, c);
		if (rec && pel_map_read_all(w->file.map, c, &rec->hot, &rec->cold) == 0) {
			rec->used = rec->unclaimed = keep;
			if (!keep)
				record_remember(w, rec);
		}
		if (!rec || !rec->used)
			record_store(w, c, &no_hot, &no_cold);
	}
}

/* The whole content into a new file, which then takes the path. */
static int map_republish(struct map_write *w, uint64_t now_ns)
{
	const struct pel_map *old = w->file.map;
	char name[64];
	int r = map_file_make(&w->file, name);

	if (r < 0)
		return r;
	if (old)
		memcpy((char *)w->file.map + SWITCHES_AT, (const char *)old + SWITCHES_AT,
			SWITCHES_SIZE);
	header_fill(w, now_ns);
	map_write_crowd(w, w->crowd);
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		if (w->clusters[c] && w->clusters[c]->used)
			record_store(w, c, &w->clusters[c]->hot, &w->clusters[c]->cold);
	}
	r = index_rebuild(w);
	if (r == 0 && renameat(w->file.dirfd, name, w->file.dirfd, PEL_MAP_FILE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(w->file.dirfd, name, 0);
	return r;
}

int map_write_open(int dirfd, const struct map_write_options *options, uint64_t now_ns,
	struct map_write **ret)
{
	struct map_write *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->file.dirfd = dirfd;
	w->file.mode = options->mode;
	w->options = *options;
	w->checked_ns = now_ns;
	r = map_file_reuse(&w->file);
	if (r == 0) {
		bool keep = pel_map_is_fresh(w->file.map, now_ns) &&
			w->file.map->header.netns == netns_inode();

		park_fill(w); /* first: an earlier prober's ports may be anybody's by now */
		records_inherit(w, keep);
		r = index_rebuild(w);
		header_fill(w, now_ns);
	} else if (r == -ENOENT) {
		r = map_republish(w, now_ns);
	}
	if (r < 0) {
		map_write_close(w, false);
		return r;
	}
	*ret = w;
	return 0;
}

/* No heartbeat at all: readers need not wait until it is stale. */
static void map_abandon(struct pel_map *map)
{
	map->header.park4 = map->header.park6 = 0;
	atomic_store_explicit(&map->header.heartbeat_ns, 0, memory_order_release);
	word_move(&map->header.wake);
	word_move(&map->header.first);
	(void)munmap(map, sizeof(*map));
}

void map_write_close(struct map_write *w, bool orderly)
{
	if (!w)
		return;
	if (w->file.map && orderly)
		map_abandon(w->file.map);
	else if (w->file.map)
		(void)munmap(w->file.map, sizeof(*w->file.map));
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++)
		free(w->clusters[c]);
	map_held_free(&w->held);
	free(w);
}

int map_write_beat(struct map_write *w, uint64_t now_ns)
{
	struct pel_map *old = w->file.map;
	int r;

	atomic_store_explicit(&old->header.heartbeat_ns, now_ns, memory_order_release);
	if (now_ns - w->checked_ns < PATH_CHECK_NS)
		return 0;
	w->checked_ns = now_ns;
	if (map_file_is_there(&w->file))
		return 0;
	r = map_republish(w, now_ns);
	if (r < 0) {
		if (w->file.map != old)
			(void)munmap(w->file.map, sizeof(*w->file.map));
		w->file.map = old;
		return r;
	}
	map_abandon(old);
	return 1;
}

void map_write_crowd(struct map_write *w, uint64_t sockets)
{
	w->crowd = sockets < UINT32_MAX ? (uint32_t)sockets : UINT32_MAX;
	atomic_store_explicit(&w->file.map->header.crowd, w->crowd, memory_order_relaxed);
}

/* Never repeats: the clock does not go back while a machine is up, and the file dies with it. */
static uint64_t uid_new(const struct map_write *w, uint64_t now_ns)
{
	uint64_t uid = now_ns ? now_ns : 1;

	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		if (w->clusters[c] && w->clusters[c]->hot.uid >= uid)
			uid = w->clusters[c]->hot.uid + 1;
	}
	return uid;
}

int map_write_take(struct map_write *w, uint64_t now_ns)
{
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		struct map_record *rec = w->clusters[c];

		if (rec && rec->used)
			continue;
		rec = record_new(w, c);
		if (!rec)
			return -ENOSPC;
		rec->hot = (struct pel_hot){.uid = uid_new(w, now_ns),
			.generation = 1,
			.epoch = 1,
			.state = PEL_STATE_UNKNOWN,
			.why = PEL_WHY_STARTING,
			.writer = PEL_NONE};
		memset(&rec->cold, 0, sizeof(rec->cold));
		rec->used = true;
		rec->unclaimed = false;
		w->file.map->header.modes[c] = PEL_MODE_ACTIVE;
		record_store(w, c, &rec->hot, &rec->cold);
		return (int)c;
	}
	return -ENOSPC;
}

int map_write_claim(struct map_write *w, const char *name)
{
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		struct map_record *rec = w->clusters[c];

		for (unsigned n = 0; rec && rec->used && rec->unclaimed && n < rec->hot.n_names;
			n++) {
			if (strcmp(rec->cold.names[n], name) != 0)
				continue;
			rec->unclaimed = false;
			return (int)c;
		}
	}
	return -ENOENT;
}

unsigned map_write_held(struct map_write *w, const char *name,
	char ret[static PEL_MAP_INSTANCES][PEL_ID_MAX], uint64_t *ret_awaited_ns)
{
	return map_held_take(&w->held, name, ret, ret_awaited_ns);
}

void map_write_drop_unclaimed(struct map_write *w)
{
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		if (w->clusters[c] && w->clusters[c]->used && w->clusters[c]->unclaimed)
			map_write_release(w, c);
	}
}

void map_write_release(struct map_write *w, unsigned cluster)
{
	struct map_record *rec = w->clusters[cluster];
	uint64_t uid = rec->hot.uid;

	record_remember(w, rec);
	memset(&rec->cold, 0, sizeof(rec->cold));
	rec->hot = (struct pel_hot){.writer = PEL_NONE};
	record_store(w, cluster, &rec->hot, &rec->cold);
	rec->hot.uid = uid; /* for uid_new(); the published one is 0 */
	rec->used = rec->unclaimed = false;
	(void)index_rebuild(w);
	word_move(&w->file.map->header.wake);
	word_move(&w->file.map->header.first);
}

const struct pel_hot *map_write_hot(const struct map_write *w, unsigned cluster)
{
	return &w->clusters[cluster]->hot;
}

const struct pel_cold *map_write_cold(const struct map_write *w, unsigned cluster)
{
	return &w->clusters[cluster]->cold;
}

static bool names_differ(const struct pel_hot *a, const struct pel_hot *b)
{
	if (a->n_names != b->n_names)
		return true;
	for (unsigned i = 0; i < a->n_names; i++) {
		if (a->names[i].hash != b->names[i].hash)
			return true;
	}
	return false;
}

void map_write_publish(struct map_write *w, unsigned cluster, const struct pel_hot *hot,
	const struct pel_cold *cold, unsigned changes)
{
	struct map_record *rec = w->clusters[cluster];
	bool reindex = names_differ(&rec->hot, hot);
	uint64_t uid = rec->hot.uid, generation = rec->hot.generation, epoch = rec->hot.epoch;

	rec->hot = *hot;
	rec->hot.uid = uid;
	rec->hot.generation = generation + (changes & MAP_CHANGE_WAKE ? 1 : 0);
	rec->hot.epoch = epoch + (changes ? 1 : 0);
	if (cold != &rec->cold)
		rec->cold = *cold;
	record_store(w, cluster, &rec->hot, &rec->cold);
	if (reindex)
		(void)index_rebuild(w);
	if (changes & MAP_CHANGE_WAKE)
		word_move(&w->file.map->header.wake);
	if (changes & MAP_CHANGE_FIRST)
		word_move(&w->file.map->header.first);
}

void map_write_mode(struct map_write *w, unsigned cluster, enum pel_mode mode)
{
	struct pel_map_header *h = &w->file.map->header;
	_Atomic uint8_t *said = cluster < PEL_MAP_CLUSTERS ? &h->modes[cluster] : &h->mode;

	if (atomic_exchange(said, (uint8_t)mode) == mode)
		return;
	/* Who waits looks anew, and what is wrong by now is judged when it may be. */
	for (unsigned c = 0; c < PEL_MAP_CLUSTERS; c++) {
		struct map_record *rec = w->clusters[c];

		if (rec && rec->used && (c == cluster || cluster >= PEL_MAP_CLUSTERS))
			map_write_publish(w, c, &rec->hot, &rec->cold,
				MAP_CHANGE_EPOCH | MAP_CHANGE_WAKE);
	}
}

int map_write_find(const struct map_write *w, uint64_t hash)
{
	const struct pel_map_entry *index = w->file.map->index;

	for (size_t i = 0; hash && i < PEL_MAP_INDEX; i++) {
		const struct pel_map_entry *e = &index[(hash + i) & (PEL_MAP_INDEX - 1)];

		if (e->hash == hash)
			return e->cluster;
		if (e->hash == 0)
			break;
	}
	return -ENOENT;
}

enum pel_mode map_write_mode_of(const struct map_write *w, unsigned cluster)
{
	return pel_map_mode(w->file.map, cluster);
}

/*
 * Who still obeys the word before may find one of the two new already: less is ended then than by either
 * word, never more.
 */
void map_write_drill(struct map_write *w, int32_t pid, uint64_t of)
{
	atomic_store(&w->file.map->header.drill_of, of);
	w->file.map->header.drill_pid = of ? PEL_DRILL_NOBODY : pid;
	word_move(&w->file.map->header.drill);
	word_move(&w->file.map->header.wake);
}
