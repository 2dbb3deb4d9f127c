/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PELORUS_TRACE=FILE: a line for each lookup, connect, hold and sever of this process, with its reason.
 *
 *   time=1767225600.123456 pid=7 event=connect name=db.example.com fd=5 to=10.0.0.7 port=3306
 *   why=by-role error=115                                           (one line)
 *
 * or the same as JSON.  Each is one write to a file that is opened for it: we hold no descriptor.
 */
#ifndef PELORUS_LIB_KNOWN_TRACE_H
#define PELORUS_LIB_KNOWN_TRACE_H

#include "base/env.h"

#include <pelorus/map.h>

void trace_write(const char *event, const char *name, const char *why, const struct pel_addr *to,
	int fd, int error);

/*
 * `to` may be NULL, `fd` below 0, `error` 0: then there is none.  Keeps errno.  A load where nothing is
 * traced.
 */
static inline void trace(const char *event, const char *name, const char *why,
	const struct pel_addr *to, int fd, int error)
{
	if (__builtin_expect(env_get()->trace[0] != '\0', 0))
		trace_write(event, name, why, to, fd, error);
}

#endif
