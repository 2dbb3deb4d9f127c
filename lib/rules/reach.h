/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a connect that failed means that this process cannot reach what the prober can.  Pure.
 */
#ifndef PELORUS_LIB_RULES_REACH_H
#define PELORUS_LIB_RULES_REACH_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

/* A connect that failed, and what was known then. */
struct reach_failure {
	uint64_t identity;
	uint64_t uid;
	uint64_t generation;
	uint64_t failed_ns;
};

enum reach_verdict {
	REACH_DROP = 0, /* explained otherwise, or too long ago */
	REACH_WAIT,     /* the prober has not heard from it since */
	REACH_EXCLUDE,  /* it lives for the prober, and is none for us */
};

enum reach_verdict reach_judge(const struct reach_failure *f, const struct pel_hot *hot, bool fresh,
	uint64_t now_ns);

#endif
