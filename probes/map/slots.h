/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's side of the slot file (<pelorus/slots.h>): makes it, and frees what the dead left.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <pelorus/slots.h>

#include <stdbool.h>
#include <sys/types.h>

#define SLOTS_VERSIONS 8
#define SLOTS_TURNS 6 /* sweeps in which each process is looked at in /proc once */

/* The living, and what was done since the file was opened first, by those too that are gone. */
struct slots_summary {
	unsigned live;
	uint64_t tracked;
	uint64_t routed;
	uint64_t severed;
	uint64_t severed_by[PEL_SEVERED]; /* of them */
	uint64_t
		untold; /* of them, too: why was not told by the sweep after; never less than it was */
	uint64_t refused;
	uint64_t moved;
	uint64_t retried;
	uint64_t waited;
	uint64_t given_up;
	uint32_t longest_ms;
	struct slots_version {
		uint32_t version; /* as in struct pel_slot */
		unsigned live;
	} versions[SLOTS_VERSIONS]; /* the living by their library's version, up to the first 0 */
};

struct slots_file;

/*
 * Opens the file in the directory, or makes it anew if it is none; `mode` is that of a new one
 * (0600, or 0666 in a shared directory).  *ret is NULL, or what was opened before and is no longer where
 * the path leads: then it goes on with that, and is as it was if it fails.  0 or -errno.
 */
int slots_open(int dirfd, mode_t mode, struct slots_file **ret);
void slots_close(struct slots_file *slots);

struct slots_news {
	uint32_t severed, waited, given_up;
	uint32_t longest_ms; /* of all waits so far */
};

struct slots_listener {
	/*
	 * A client that lives, or came and went since the sweep before, follows the name of this hash;
	 * `used`: has connections, or has just had.
	 */
	void (*wants)(void *ctx, uint64_t hash, bool used);
	/* A client of these names, which may be gone now, has done something since the sweep before. */
	void (*news)(void *ctx, const uint64_t names[static PEL_SLOT_NAMES],
		const struct slots_news *news);
	/* What a client of this program had done by the name of this hash, if it were not observed alone. */
	void (*seen)(void *ctx, uint64_t hash, const char command[static 16],
		const struct pel_slot_seen *seen);
	void *ctx;
};

/*
 * Frees the slots of processes that are gone and sums up the others.  A pid that was given out again is
 * found within SLOTS_TURNS sweeps.  `listener` and its functions may be NULL.  True if the file is still
 * the one that the path leads to, and whole; else it is to be opened anew.
 */
bool slots_sweep(struct slots_file *slots, uint64_t now_ns, const struct slots_listener *listener,
	struct slots_summary *ret);

/*
 * How many sockets are tracked or held now, as all slots tell; `held` (may be NULL) is told of each
 * client that holds some.  Looks at nothing else, and frees nothing.
 */
typedef void slots_held(void *ctx, const uint64_t names[static PEL_SLOT_NAMES], uint32_t n);
uint64_t slots_crowd(struct slots_file *slots, slots_held *held, void *ctx);

#endif
