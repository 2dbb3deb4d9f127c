/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a followed name leads at this moment: the map is read, the route is chosen, and where the
 * topology is not known, what DNS said last takes its place.  No system call but the clock's.
 */
#ifndef PELORUS_LIB_KNOWN_PLAN_H
#define PELORUS_LIB_KNOWN_PLAN_H

#include "followed.h"
#include "mapview.h"
#include "rules/route.h"
#include "rules/sever.h"

#include <stdbool.h>

struct plan {
	enum route_verdict verdict; /* DNS with n_addrs = 0: nobody knows an address */
	enum route_reason reason;
	const struct pel_map *map; /* NULL: none */
	bool fresh;
	bool found; /* the map has the name: ref and hot hold */
	struct pel_ref ref;
	uint64_t now_ns;
	uint64_t hold_ns;       /* how long a connect may wait in all: WAIT, from its beginning */
	uint64_t identity;      /* of the instance; 0: DNS */
	uint8_t instance;       /* PEL_NONE: DNS */
	uint8_t role;           /* enum pel_role of the name, by form or by the map */
	unsigned n_addrs;       /* DNS: how many there are to choose from */
	struct pel_addr target; /* INSTANCE, and DNS with n_addrs > 0 */
	enum pel_mode mode;
	struct route would;       /* if not ACTIVE: what it would have been */
	struct pel_addr would_go; /* ... and where to, if to an instance */
	struct pel_hot hot;
};

/* Whether what is known of a name leads its connections: of all hooks the one question. */
enum pel_mode plan_mode(const struct followed *f);

/* `asked_port` 0: no port is meant, target's is the cluster's. */
void plan_make(struct followed *f, uint16_t families, uint16_t asked_port, struct plan *ret);

/* Round robin's; it is moved, in followed.turn, by whoever connects or lets a caller connect. */
uint64_t plan_turn(const struct followed *f);

/* At which the prober logs in. */
uint16_t plan_port(const struct plan *plan, unsigned instance);

/* What a socket that follows this plan is remembered by. */
struct sever_socket plan_socket(const struct plan *plan);

/*
 * Whether the topology has moved since the plan was made and the socket must go, or was known to be
 * led wrong from the first.  Mostly the cluster's generation is the same and the map is not read again.
 */
bool plan_is_outdated(const struct plan *plan, struct followed *f, enum sever_mode mode);

#endif
