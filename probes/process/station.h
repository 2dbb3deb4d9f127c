/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that a prober takes in a runtime directory: the lock, and the control socket.
 *
 * Who holds the lock is the prober.  A directory that others may enter (0755: the system's, or a
 * sidecar's volume) is shared: its map and socket are open to them, its control socket serves them
 * what anyone may ask.
 */
#ifndef STATION_H
#define STATION_H

#include "common/rundir.h"

#include <stdbool.h>
#include <sys/types.h>

struct station {
	struct pel_rundir rundir;
	int dirfd;
	int lock_fd;
	int listen_fd;
	ino_t listen_inode;
	bool shared;
	bool system; /* takes no credentials */
};

/*
 * Opens the directory, making it if it is missing, takes the lock and listens.  0; -EBUSY if
 * another prober is at work there; -EPERM if directory or owner cannot be trusted; -errno.
 */
int station_open(const struct pel_rundir *rundir, struct station *ret);
void station_close(struct station *station);

/* True as long as path, lock and socket still are what was opened: others may have deleted them. */
bool station_is_intact(const struct station *station);

/* Mode of a file in it that clients only read, and of one that they write. */
mode_t station_read_mode(const struct station *station);
mode_t station_write_mode(const struct station *station);

#endif
