/* SPDX-License-Identifier: Apache-2.0 */
#include "reach.h"

#define NEWER_NS UINT64_C(300000000) /* what the prober hears must be so much newer */
#define FORGET_NS UINT64_C(6000000000)

static const struct pel_hot_instance *find(const struct pel_hot *hot, uint64_t identity)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].identity == identity)
			return &hot->instances[i];
	}
	return NULL;
}

enum reach_verdict reach_judge(const struct reach_failure *f, const struct pel_hot *hot, bool fresh,
	uint64_t now_ns)
{
	const struct pel_hot_instance *in = find(hot, f->identity);

	if (!fresh || !in || hot->uid != f->uid || hot->generation != f->generation ||
		in->health != PEL_HEALTH_OK || now_ns > f->failed_ns + FORGET_NS)
		return REACH_DROP;
	return in->evidence_ns > f->failed_ns + NEWER_NS ? REACH_EXCLUDE : REACH_WAIT;
}
