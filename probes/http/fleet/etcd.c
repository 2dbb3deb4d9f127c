/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd as the store of a fleet, by its JSON gateway.
 *
 * The key is bound to a lease that etcd itself ends, and transactions compare that lease.
 */
#include "http/etcd.h"
#include "store.h"
#include "http/json_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 3000
#define WATCH_MS 600000

static int place(const char *url, const char *suffix, struct fleet_place *ret)
{
	struct etcd_key key;
	int r = etcd_key_parse(url, suffix, &key);

	if (r < 0)
		return r;
	*ret = (struct fleet_place){.server = ""};
	strcpy(ret->server, key.server);
	strcpy(ret->key, key.key);
	return 0;
}

static int lease_body(const char *lease, char *ret, size_t size)
{
	int n = snprintf(ret, size, "{\"ID\":\"%s\"}", lease);

	return n < 0 || (size_t)n >= size ? -ENOBUFS : 0;
}

static int grant_body(uint32_t lease_ms, char *ret, size_t size)
{
	int n = snprintf(ret, size, "{\"TTL\":\"%u\"}", (lease_ms + 999) / 1000);

	return n < 0 || (size_t)n >= size ? -ENOBUFS : 0;
}

static int put_body(const struct etcd_key *key, const struct fleet_question *q, char *ret,
	size_t size)
{
	switch (q->what) {
	case FLEET_LOOK:
		return etcd_range_body(key, ret, size);
	case FLEET_WATCH:
		return etcd_watch_body(key, q->index + 1, ret, size);
	case FLEET_GRANT:
		return grant_body(q->lease_ms, ret, size);
	case FLEET_RENEW:
	case FLEET_REVOKE:
		return lease_body(q->lease, ret, size);
	case FLEET_CLAIM:
		return etcd_claim_body(key, q->document, q->lease, ret, size);
	case FLEET_UPDATE:
		return etcd_update_body(key, q->document, q->lease, ret, size);
	case FLEET_CHECK:
		return etcd_check_body(key, q->lease, ret, size);
	}
	return -EINVAL;
}

static int request(const struct fleet_place *at, const struct fleet_question *q,
	struct fleet_request *ret)
{
	static const char *const paths[] = {
		[FLEET_LOOK] = "/v3/kv/range",
		[FLEET_WATCH] = "/v3/watch",
		[FLEET_GRANT] = "/v3/lease/grant",
		[FLEET_RENEW] = "/v3/lease/keepalive",
		[FLEET_REVOKE] = "/v3/lease/revoke",
		[FLEET_CLAIM] = "/v3/kv/txn",
		[FLEET_UPDATE] = "/v3/kv/txn",
		[FLEET_CHECK] = "/v3/kv/txn",
	};
	struct etcd_key key;

	_Static_assert(sizeof(key.key) == sizeof(at->key), "both hold the same keys");
	strcpy(key.server, at->server);
	strcpy(key.key, at->key);
	ret->method = NULL;
	ret->has_body = true;
	ret->timeout_ms = q->what == FLEET_WATCH ? WATCH_MS : ANSWER_MS;
	snprintf(ret->url, sizeof(ret->url), "%s%s", at->server, paths[q->what]);
	return put_body(&key, q, ret->body, sizeof(ret->body));
}

static enum coordinator_verdict read_view(const struct http_answer *answer,
	struct coordinator_view *ret)
{
	return coordinator_parse(COORDINATOR_ETCD, answer->body, answer->size, NULL, ret);
}

static int read_lease(const struct http_answer *answer, char ret_lease[static FLEET_LEASE_MAX],
	unsigned *ret_ttl_s)
{
	char buffer[64];
	struct json_object *root, *result, *lease;
	const char *id;
	uint64_t ttl_s = 0;
	bool good;

	if (http_problem(answer, buffer, sizeof(buffer)))
		return -EPROTO;
	root = json_read(answer->body, answer->size);
	result = json_member(root, "result");
	lease = result ? result : root;
	id = json_string(lease, "ID");
	good = id && id[strspn(id, "0123456789")] == '\0' && *id && strlen(id) < FLEET_LEASE_MAX &&
		json_number(lease, "TTL", &ttl_s) && ttl_s > 0 && ttl_s < 86400;
	if (good) {
		strcpy(ret_lease, id);
		*ret_ttl_s = (unsigned)ttl_s;
	}
	json_object_put(root);
	return good;
}

static int read_held(const struct http_answer *answer)
{
	char buffer[64];
	struct json_object *root;
	bool held;

	if (http_problem(answer, buffer, sizeof(buffer)))
		return -EPROTO;
	root = json_read(answer->body, answer->size);
	held = json_is_true(root, "succeeded");
	json_object_put(root);
	return held;
}

const struct fleet_store fleet_etcd = {
	.name = "etcd",
	.is_news = etcd_is_news,
	.place = place,
	.request = request,
	.read = read_view,
	.read_lease = read_lease,
	.read_held = read_held,
};
