/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of stores have in common: the choice among them, and the document. */
#include "store.h"

#include "base/buf.h"

#include "common/words.h"

#include <arpa/inet.h>
#include <string.h>

const struct fleet_store *fleet_store_of(const char *url)
{
	struct url parts;

	if (url_parse(url, &parts) == 0 && strncmp(parts.path, "/v1/kv/", 7) == 0)
		return &fleet_consul;
	return &fleet_etcd;
}

static void add_host(struct buf *buf, const struct pel_hot_instance *in,
	const struct pel_cold_instance *cold)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v4 = in->flags & PEL_INST_HAS4;

	if (!cold->host[0])
		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? in->ip4 : in->ip6, text, sizeof(text));
	if (cold->host[0] || v4)
		buf_addf(buf, "\"%s:%u\"", cold->host[0] ? cold->host : text, in->port);
	else
		buf_addf(buf, "\"[%s]:%u\"", text, in->port);
}

static void add_members(struct buf *buf, const struct pel_hot *hot, const struct pel_cold *cold)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		buf_addf(buf, "%s{\"id\":", i ? "," : "");
		buf_add_json(buf, cold->instances[i].id);
		buf_addf(buf, ",\"health\":\"%s\"}", pel_word_of_health(hot->instances[i].health));
	}
}

int fleet_document(const struct pel_hot *hot, const struct pel_cold *cold, char *ret, size_t size)
{
	struct buf buf;
	unsigned readers = 0;

	buf_init(&buf, ret, size);
	buf_addf(&buf, "{\"epoch\":%llu,", (unsigned long long)hot->epoch);
	if (hot->writer < hot->n_instances) {
		buf_add(&buf, "\"primary\":");
		add_host(&buf, &hot->instances[hot->writer], &cold->instances[hot->writer]);
		buf_add(&buf, ",");
	}
	buf_add(&buf, "\"secondary\":[");
	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].role != PEL_ROLE_READER)
			continue;
		buf_add(&buf, readers++ ? "," : "");
		add_host(&buf, &hot->instances[i], &cold->instances[i]);
	}
	buf_add(&buf, "],\"members\":[");
	add_members(&buf, hot, cold);
	buf_add(&buf, "]}");
	return buf_error(&buf);
}
