/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: the small parent that keeps the lock, the control socket, the followed names and
 * their credentials, and starts a new worker when one has died.
 *
 * A worker whose supervisor dies becomes the supervisor of a new one: what was kept is in its own
 * memory too.  In the foreground it ends instead, for the service manager watches the supervisor.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "config/config.h"
#include "options.h"
#include "station.h"

struct supervisor_options {
	const struct options *options;
	const struct station *station; /* its descriptors become the supervisor's */
	const char *config_path;       /* "": none */
	struct config *config;         /* becomes the supervisor's */
	int ready_fd; /* gets one byte, the exit status, when all is well or lost; -1: nobody waits */
};

/* Returns the exit status of the process, which may be another one than the caller's. */
int supervisor_run(const struct supervisor_options *options);

#endif
