/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of look-ups: each name has a share of two at once, that grows by one each 600 ms. */
#include "dns_pace.h"

#include "common/names.h"

#define EACH_NS UINT64_C(600000000)
#define PROBES 16 /* places that a name may stand at */

static uint64_t max_ns(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Its place; else that of one whose share is whole, so that nothing has to be known of it. */
static struct dns_paced *place_of(struct dns_pace *p, uint64_t hash, uint64_t now_ns)
{
	struct dns_paced *place = &p->names[hash % DNS_PACE_NAMES];

	for (unsigned i = 0; i < PROBES; i++) {
		struct dns_paced *one = &p->names[(hash + i) % DNS_PACE_NAMES];

		if (one->hash == hash)
			return one;
		if (one->full_ns <= now_ns)
			place = one;
	}
	*place = (struct dns_paced){.hash = hash};
	return place;
}

uint64_t dns_pace_take(struct dns_pace *p, const char *name, uint64_t now_ns)
{
	struct dns_paced *one = place_of(p, pel_name_hash(name), now_ns);
	uint64_t due_ns = max_ns(now_ns + EACH_NS, one->full_ns) - EACH_NS;

	one->full_ns = max_ns(one->full_ns, due_ns) + EACH_NS;
	return due_ns;
}
