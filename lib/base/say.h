/* SPDX-License-Identifier: Apache-2.0 */
/* What the library tells a human: a line per reason and minute, with a code that never changes. */
#ifndef PELORUS_LIB_BASE_SAY_H
#define PELORUS_LIB_BASE_SAY_H

#include <stddef.h>

enum say_reason {
	SAY_COLLISION = 0,
	SAY_TOO_MANY_NAMES,
	SAY_BLOCK_TAKEN,
	SAY_NO_PROBER,
	SAY_PROBER_FAILED,
	SAY_NO_DIRECTORY,
	SAY_UNTRUSTED_DIRECTORY,
	SAY_NETNS,
	SAY_UNREACHABLE_FROM_HERE,
	SAY_NO_WATCHER,
	SAY_TOO_MANY_SOCKETS,
	SAY_NOT_A_MAP,
	SAY_INHERITS_ORPHANS,
	SAY_LONG_ENVIRONMENT,
	SAY_CLIENT_WARNS,
	SAY_NO_TOKEN,
	SAY_ONLY_READERS,
	SAY_REASONS,
};

/*
 * Writes "pelorus[CODE]: SENTENCE: DETAIL", or that in the form of line.h that PELORUS_LOG_FORMAT
 * asks for, to PELORUS_LOG or stderr, unless the same reason was
 * said within the last minute.  Never blocks, raises no signal, keeps errno.  `detail` may be NULL.
 */
void say(enum say_reason reason, const char *detail);

/* The last reason that was given, as "CODE: SENTENCE", cut to size; -ENODATA if there is none. */
int say_last(char *ret, size_t size);

/* Remembers what stderr is, in the constructor: a program may close it and open a database there. */
void say_init(void);

#endif
