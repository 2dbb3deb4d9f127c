/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: the process that probes.  It wires loop, engine, control socket and slots together,
 * and lives until it is told to end, nobody needs it, or its supervisor is gone.
 */
#ifndef WORKER_H
#define WORKER_H

#include "config/config.h"
#include "base/events.h"
#include "keep.h"
#include "options.h"
#include "park.h"
#include "station.h"

enum worker_end {
	WORKER_STOPPED = 0, /* it was told to, or nobody needs it: the supervisor ends too */
	WORKER_FAILED = 1,
	WORKER_MOVED = 3,      /* the runtime directory was deleted or replaced: begin anew */
	WORKER_ORPHANED = 4,   /* the supervisor is gone */
	WORKER_TERMINATED = 5, /* by a signal of its own */
};

struct worker_options {
	const struct options *options;
	const struct station *station;
	const struct park *park;
	const char *config_path;     /* "": none */
	const struct config *config; /* the last one known to be good */
	struct events *events;
	struct keep *keep;
	struct switches *switches;
	int channel;
};

enum worker_end worker_run(const struct worker_options *options);

#endif
