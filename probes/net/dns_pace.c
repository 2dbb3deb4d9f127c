/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of look-ups, name by name. */
#include "dns_pace.h"

#include "common/names.h"

#define PROBES 16 /* places that a name may stand at */

/* Its place; else that of one whose share is whole, so that nothing has to be known of it. */
static struct pace *pace_of(struct dns_pace *p, uint64_t hash, uint64_t now_ns)
{
	struct dns_paced *place = &p->names[hash % DNS_PACE_NAMES];

	for (unsigned i = 0; i < PROBES; i++) {
		struct dns_paced *one = &p->names[(hash + i) % DNS_PACE_NAMES];

		if (one->hash == hash)
			return &one->pace;
		if (one->pace.full_ns <= now_ns)
			place = one;
	}
	*place = (struct dns_paced){.hash = hash};
	return &place->pace;
}

uint64_t dns_pace_take(struct dns_pace *p, const char *name, uint64_t now_ns)
{
	struct pace *pace = pace_of(p, pel_name_hash(name), now_ns);

	if (pace->least_ns > now_ns)
		return pace->least_ns;
	pace_next(pace, PACE_LOOK_UP, now_ns, 0);
	return now_ns;
}
