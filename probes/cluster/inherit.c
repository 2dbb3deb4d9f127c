/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restarted worker and what its predecessor published: it stays until it is confirmed, which
 * wakes nobody, or contradicted, or nothing better was learnt in time.
 */
#include "engine/internal.h"

static bool has_identity(const struct pel_hot *hot, uint64_t identity)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].identity == identity)
			return hot->instances[i].health != PEL_HEALTH_UNREACHABLE;
	}
	return false;
}

enum cluster_inherited cluster_inherited_compare(const struct pel_hot *was,
	const struct pel_hot *is)
{
	if (is->state != PEL_STATE_KNOWN)
		return CLUSTER_INHERITED_OPEN;
	if (was->state != PEL_STATE_KNOWN ||
		was->instances[was->writer].identity != is->instances[is->writer].identity)
		return CLUSTER_INHERITED_OTHER;
	for (unsigned i = 0; i < was->n_instances; i++) {
		if (was->instances[i].identity && !has_identity(is, was->instances[i].identity))
			return CLUSTER_INHERITED_OPEN;
	}
	return CLUSTER_INHERITED_SAME;
}
