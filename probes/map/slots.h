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

/* Sums over the living and, for what only counts up, over those that are gone. */
struct slots_summary {
	unsigned live;
	uint64_t tracked;
	uint64_t routed;
	uint64_t severed;
	uint64_t refused;
	uint64_t moved;
	uint64_t retried;
	struct slots_version {
		uint32_t version; /* as in struct pel_slot */
		unsigned live;
	} versions[SLOTS_VERSIONS]; /* the living by their library's version, up to the first 0 */
};

struct slots_file;

/*
 * Opens the file in the directory, or makes it anew if it is none; `mode` is that of a new one
 * (0600, or 0666 in a shared directory).  0 or -errno.
 */
int slots_open(int dirfd, mode_t mode, struct slots_file **ret);
void slots_close(struct slots_file *slots);

struct slots_listener {
	/* A living client follows the name of this hash; `used`: has connections, or has just had. */
	void (*wants)(void *ctx, uint64_t hash, bool used);
	/* A client, of these names, has severed so many since the sweep before; it may be gone now. */
	void (*severed)(void *ctx, const uint64_t names[static PEL_SLOT_NAMES], uint32_t n);
	void *ctx;
};

/*
 * Frees the slots of processes that are gone and sums up the others.  `thorough` compares start
 * times in /proc too, which tells a pid that was given out again.  `listener` and its functions may
 * be NULL; what had been severed before the first sweep is no news to it.  True if the file is still
 * the one that the path leads to, and whole; else it is to be opened anew.
 */
bool slots_sweep(struct slots_file *slots, uint64_t now_ns, bool thorough,
	const struct slots_listener *listener, struct slots_summary *ret);

#endif
