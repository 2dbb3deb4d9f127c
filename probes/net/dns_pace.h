/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often one name is asked for, whoever wants it and in whatever state (PACE_LOOK_UP).  A resolver
 * for a whole network answers a host so many questions a second, and drops the rest, those of its
 * programs among them.
 *
 * Pure; times are the caller's.
 */
#ifndef DNS_PACE_H
#define DNS_PACE_H

#include "logic/pace.h"

#define DNS_PACE_NAMES 512 /* that are remembered; each for about a second */

struct dns_pace {
	struct dns_paced {
		uint64_t hash;
		struct pace pace;
	} names[DNS_PACE_NAMES];
};

/* `now_ns`: it may be asked for, and is taken as asked; else when to come again. */
uint64_t dns_pace_take(struct dns_pace *p, const char *name, uint64_t now_ns);

#endif
