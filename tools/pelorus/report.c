/* SPDX-License-Identifier: Apache-2.0 */
/* From the map to what is told about a cluster, and the sentence above the table. */
#include "report.h"

#include "commands.h"

#include "common/words.h"

#include <arpa/inet.h>
#include <string.h>

#define MS UINT64_C(1000000)

bool report_format_parse(const char *word, enum report_format *ret)
{
	static const char *const words[] = {"table", "tree", "tsv", "json"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i], word) == 0) {
			*ret = (enum report_format)i;
			return true;
		}
	}
	return false;
}

static int64_t ago_ms(uint64_t then_ns, uint64_t now_ns)
{
	if (then_ns == 0)
		return -1;
	return then_ns > now_ns ? 0 : (int64_t)((now_ns - then_ns) / MS);
}

static void address_put(const struct pel_hot_instance *in, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (in->flags & PEL_INST_HAS4) {
		inet_ntop(AF_INET, in->ip4, text, sizeof(text));
		(void)snprintf(ret, size, "%s:%u", text, in->port);
	} else if (in->flags & PEL_INST_HAS6) {
		inet_ntop(AF_INET6, in->ip6, text, sizeof(text));
		(void)snprintf(ret, size, "[%s]:%u", text, in->port);
	}
}

static void instance_put(const struct pel_hot_instance *in, const struct pel_cold_instance *cold,
	uint64_t now_ns, struct report_instance *ret)
{
	*ret = (struct report_instance){
		.role = in->role,
		.health = in->health,
		.admission = in->admission,
		.routable = in->flags & PEL_INST_ROUTABLE,
		.lagged = in->flags & PEL_INST_LAGGED,
		.by_hand = in->flags & PEL_INST_BY_HAND,
		.unwarmed = in->flags & PEL_INST_UNWARMED,
		.elsewhere = in->flags & PEL_INST_ELSEWHERE,
		.lag_ms = in->lag_ms,
		.cpu_permille = in->cpu_permille,
		.rtt_us = in->rtt_us,
		.age_ms = ago_ms(in->evidence_ns, now_ns),
		.warm_done = in->warm_done,
		.warm_total = in->warm_total,
	};
	memcpy(ret->id, cold->id, sizeof(ret->id));
	memcpy(ret->host, cold->host, sizeof(ret->host));
	memcpy(ret->zone, cold->zone, sizeof(ret->zone));
	memcpy(ret->uuid, cold->uuid, sizeof(ret->uuid));
	address_put(in, ret->address, sizeof(ret->address));
}

void report_from_map(const struct pel_hot *hot, const struct pel_cold *cold, const char *name,
	uint64_t now_ns, struct report *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name ? name : cold->names[0]);
	ret->n_names = hot->n_names;
	for (unsigned i = 0; i < hot->n_names; i++) {
		memcpy(ret->names[i], cold->names[i], sizeof(ret->names[i]));
		ret->roles[i] = hot->names[i].role;
	}
	ret->state = hot->state;
	ret->why = hot->why;
	ret->dns_only = hot->dns_only;
	ret->generation = hot->generation;
	ret->epoch = hot->epoch;
	ret->verified_ms = ago_ms(hot->verified_ns, now_ns);
	ret->writerless_ms = ago_ms(hot->writerless_ns, now_ns);
	ret->writer = hot->writer == PEL_NONE ? -1 : hot->writer;
	ret->n_instances = hot->n_instances;
	for (unsigned i = 0; i < hot->n_instances; i++)
		instance_put(&hot->instances[i], &cold->instances[i], now_ns, &ret->instances[i]);
}

static unsigned count_readers(const struct report *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_instances; i++)
		n += r->instances[i].role == PEL_ROLE_READER;
	return n;
}

static void seconds_put(int64_t ms, char ret[static 32])
{
	(void)snprintf(ret, 32, "%lld.%lld s", (long long)ms / 1000, (long long)ms % 1000 / 100);
}

static void known_sentence(const struct report *r, char *ret, size_t size)
{
	unsigned readers = count_readers(r);
	char since[32], count[48] = "no reader";

	if (readers)
		(void)snprintf(count, sizeof(count), "%u reader%s", readers,
			readers == 1 ? "" : "s");
	if (*r->source) {
		(void)snprintf(ret, size, "%s: the writer is %s, with %s, says %s.", r->name,
			r->instances[r->writer].id, count, r->source);
		return;
	}
	seconds_put(r->verified_ms < 0 ? 0 : r->verified_ms, since);
	(void)snprintf(ret, size, "%s: the writer is %s, confirmed %s ago, with %s.", r->name,
		r->instances[r->writer].id, since, count);
}

void report_sentence(const struct report *r, char *ret, size_t size)
{
	char since[32];

	if (r->state == PEL_STATE_KNOWN && r->writer >= 0) {
		known_sentence(r, ret, size);
	} else if (r->state == PEL_STATE_KNOWN) {
		(void)snprintf(ret, size,
			"%s: %u reader%s alone; the writer's name goes where DNS leads.", r->name,
			count_readers(r), count_readers(r) == 1 ? "" : "s");
	} else if (r->state == PEL_STATE_WRITERLESS) {
		seconds_put(r->writerless_ms < 0 ? 0 : r->writerless_ms, since);
		(void)snprintf(ret, size, "%s: there has been no writer for %s; one is awaited.",
			r->name, since);
	} else {
		(void)snprintf(ret, size,
			"%s: the topology is not known: %s; connections go where DNS leads.",
			r->name, pel_sentence_of_why(r->why));
	}
}

int report_status(const struct report *r)
{
	if (r->state == PEL_STATE_KNOWN || r->state == PEL_STATE_WRITERLESS)
		return STATUS_OK;
	return r->why == PEL_WHY_NO_CREDENTIALS || r->why == PEL_WHY_DENIED ? STATUS_CREDENTIALS
									    : STATUS_UNKNOWN;
}
