/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map's writer: one per prober, while it holds the lock of the runtime directory.
 *
 * The map of an earlier prober is taken over in place, so that its readers need not look for a new
 * file; what it said stays if its heartbeat is young (a worker that was restarted), until the
 * caller claims it by name or drops it; of an old one only the instances held by hand are kept.  Where there is no map, or one that is not ours or not
 * whole, a new one is made under a temporary name and moved into place.  None is ever truncated.
 */
#ifndef MAP_WRITE_H
#define MAP_WRITE_H

#include <pelorus/map.h>

#include <sys/types.h>

struct map_write;

struct map_write_options {
	mode_t mode; /* of a new file: 0600, or 0444 for all users of the machine */
	uint32_t vnet4;
	uint8_t vnet4_bits;
	uint8_t vnet6_bits;
	uint8_t vnet6[16];
	uint16_t park4, park6; /* 0: there is none */
};

/* What a change of a record means to its readers; a set of bits. */
enum map_change {
	MAP_CHANGE_EPOCH = 1, /* a change that a user would call one */
	MAP_CHANGE_WAKE = 2,  /* a socket may have to be severed, or a writer appeared */
	MAP_CHANGE_FIRST = 4, /* a first topology, or the verdict that there is none */
};

/* The directory's descriptor stays the caller's.  0 or -errno. */
int map_write_open(int dirfd, const struct map_write_options *options, uint64_t now_ns,
	struct map_write **ret);

/*
 * Unmaps; the file stays.  `orderly`: tells its readers that nobody keeps it any more; else they go
 * on believing it until its heartbeat is stale, or a successor takes it over.  NULL is ignored.
 */
void map_write_close(struct map_write *w, bool orderly);

/*
 * Moves the heartbeat.  Once per second the path is looked at: if it leads to another file or to
 * none, everything is published anew there, and readers of the old one are woken.  1 if that
 * happened, 0 if not, -errno if it had to but could not.
 */
int map_write_beat(struct map_write *w, uint64_t now_ns);

/* How many sockets of this host are tracked or held, for its readers' next look: wakes nobody. */
void map_write_crowd(struct map_write *w, uint64_t sockets);

/* Where the names of a record lead; out of range: all names.  Wakes whom that concerns. */
void map_write_mode(struct map_write *w, unsigned cluster, enum pel_mode mode);
/* The record that publishes the name of this hash, or -ENOENT. */
int map_write_find(const struct map_write *map, uint64_t hash);

enum pel_mode map_write_mode_of(const struct map_write *w, unsigned cluster);

/*
 * Has the programs, or the one of this pid, end their idle connections, once; with `of`, which is
 * PEL_DRILL_OF(), all programs those of readers to that instance.
 */
void map_write_drill(struct map_write *w, int32_t pid, uint64_t of);

/* Takes a free record, in state UNKNOWN and STARTING.  Its number, or -ENOSPC. */
int map_write_take(struct map_write *w, uint64_t now_ns);

/* Takes the record that the earlier prober left for this name.  Its number, or -ENOENT. */
int map_write_claim(struct map_write *w, const char *name);

/*
 * Whom an earlier prober, or this one before the name was last given up, was told to hold by hand:
 * their ids, which are told once.  Their number.  Also since when a writer is missed, or when one was
 * known last; 0: it is not remembered.
 */
unsigned map_write_held(struct map_write *w, const char *name,
	char ret[static PEL_MAP_INSTANCES][PEL_ID_MAX], uint64_t *ret_awaited_ns);

/* Frees the records that the earlier prober left and nobody claimed. */
void map_write_drop_unclaimed(struct map_write *w);

/* Gives a record back.  Its sleepers are woken. */
void map_write_release(struct map_write *w, unsigned cluster);

/* The record as it was last published; its uid, generation and epoch are the writer's. */
const struct pel_hot *map_write_hot(const struct map_write *w, unsigned cluster);
const struct pel_cold *map_write_cold(const struct map_write *w, unsigned cluster);

/*
 * Publishes.  uid, generation and epoch of `hot` are ignored; `changes` says what moves.  Names in
 * `cold` and hashes in `hot` enter the index.
 */
void map_write_publish(struct map_write *w, unsigned cluster, const struct pel_hot *hot,
	const struct pel_cold *cold, unsigned changes);

#endif
