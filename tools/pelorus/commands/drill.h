/* SPDX-License-Identifier: Apache-2.0 */
/* Has programs end idle connections, looks how they come back, and tells of each. */
#ifndef COMMANDS_DRILL_H
#define COMMANDS_DRILL_H

#include "processes/processes.h"

struct drill {
	const char *command;
	const char *request;          /* the prober's order; with dry_run NULL: none is given */
	struct process_filter filter; /* whose, and to which instance */
	bool dry_run;                 /* tells what is open and idle, and ends nothing */
};

/*
 * The exit status.  Of one instance alone it is a failure if any is left there, or it cannot be
 * told.
 */
int drill_run(const struct drill *drill, const struct map_view *view);

#endif
