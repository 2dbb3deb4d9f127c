/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a history is played in: two clusters whose map it publishes itself, and a second process that
 * has all that listens, so that the history's own descriptors are few and known.
 *
 * The servers accept and say nothing.  A place where connects are parked is made by the second
 * process as a prober does it; the one before stays for as long as it is told to.
 */
#ifndef HISTORIES_WORLD_H
#define HISTORIES_WORLD_H

#include "map/write.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CLUSTERS 2
#define WRITERS 3 /* of each cluster, of which one at most is the writer */
#define MUTE 2    /* the last of them never answers */
#define PLACES 3  /* the last ports to park at: more are not remembered */

/* Hosts: what listens, by the last part of 127.0.77.N. */
enum host { HOST_WRITER = 1, HOST_DNS = 11, HOST_BYSTANDER, HOST_SILENT, HOST_MUTE };

struct world {
	int server, dirfd, lock; /* descriptors */
	pid_t pid;
	uint16_t port;
	uint16_t silent_port, mute_port;
	uint16_t places[PLACES]; /* the newest first; 0: none */
	struct map_write *map;
	struct pel_map_header *header;
	struct sockaddr_in virtual_[CLUSTERS];
	unsigned record[CLUSTERS];
	int writer[CLUSTERS]; /* -1: none */
	bool stale, brief;    /* the prober is gone; nobody waits for long */
};

/* Ends the program if anything of it cannot be made. */
void world_open(struct world *w, const char *directory);
void world_close(struct world *w);

/* Moves the heartbeat, unless the prober is gone. */
void world_beat(struct world *w);

void world_set_writer(struct world *w, unsigned cluster, int writer);
void world_set_stale(struct world *w, bool stale);
void world_set_crowd(struct world *w, unsigned sockets);

/* How long a connect waits for a writer; 0: as if nothing were said. */
void world_set_hold(struct world *w, unsigned ms);

/* Another place; the one before is closed now, or with the next change. */
void world_move_place(struct world *w, bool close_now);
void world_tell_place(struct world *w, bool there_is_one);

/* Whether this process has its lock on the file, as another sees it. */
bool world_has_lock(struct world *w);

struct sockaddr_in world_host(const struct world *w, int host);

#endif
