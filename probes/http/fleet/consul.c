/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consul as the store of a fleet, by its KV store and sessions.
 *
 * The key is locked by the leader's session, with behaviour "delete": it goes with the session. But
 * Consul lets no session live shorter than 10 s, and ends a silent one only after up to twice its
 * time.  A fleet whose lease is shorter would wait far too long; so the leader gives a sign of life
 * with each third of the lease (it writes the key with other flags, for an entry that stays as it
 * was wakes nobody), and who has heard none for a lease destroys the session.
 *
 * The lock delay is 0: it would keep the key from being locked for 15 s after that, to protect what
 * a holder does who does not know yet that it lost the lock.  A leader does nothing but probe, and
 * writes only in transactions that check its session.
 */
#include "base/buf.h"
#include "store.h"
#include "http/json_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KV "/v1/kv/"
#define ANSWER_MS 3000
#define SESSION_LEAST_S 10u

static int place(const char *url, const char *suffix, struct fleet_place *ret)
{
	struct url parts;
	const char *path, *query;
	int server, key;

	if (url_parse(url, &parts) < 0 || strncmp(parts.path, KV, strlen(KV)) != 0)
		return -EINVAL;
	path = parts.path + strlen(KV);
	query = strchr(path, '?');
	/* In a transaction the key stands as it is, not as in a URL. */
	if (*path == '\0' || path == query || strcspn(path, "%") < strcspn(path, "?"))
		return -EINVAL;
	server = snprintf(ret->server, sizeof(ret->server), "http%s://%s", parts.tls ? "s" : "",
		parts.authority);
	key = snprintf(ret->key, sizeof(ret->key), "%.*s%s", (int)strcspn(path, "?"), path, suffix);
	if (server < 0 || (size_t)server >= sizeof(ret->server) || key < 0 ||
		(size_t)key >= sizeof(ret->key) || (query && strlen(query) > sizeof(ret->query)))
		return -ENOBUFS;
	strcpy(ret->query, query ? query + 1 : "");
	return 0;
}

static void add_url(struct buf *buf, const struct fleet_place *at, const char *path,
	const char *rest)
{
	buf_addf(buf, "%s%s%s", at->server, path, rest);
	if (at->query[0])
		buf_addf(buf, "?%s", at->query);
}

static void add_session(struct buf *buf, uint32_t lease_ms)
{
	unsigned s = (lease_ms + 999) / 1000;

	buf_addf(buf,
		"{\"Name\":\"pelorus\",\"Behavior\":\"delete\",\"LockDelay\":\"0s\","
		"\"TTL\":\"%us\"}",
		s < SESSION_LEAST_S ? SESSION_LEAST_S : s);
}

/* A transaction: the key is as expected, and is then written under our lock. */
static void add_txn(struct buf *buf, const struct fleet_place *at, const struct fleet_question *q)
{
	buf_add(buf, "[{\"KV\":{\"Verb\":");
	buf_add(buf, q->what == FLEET_CLAIM ? "\"check-not-exists\"" : "\"check-session\"");
	buf_add(buf, ",\"Key\":");
	buf_add_json(buf, at->key);
	if (q->what != FLEET_CLAIM)
		buf_addf(buf, ",\"Session\":\"%s\"", q->lease);
	buf_add(buf, "}},{\"KV\":{\"Verb\":\"lock\",\"Key\":");
	buf_add_json(buf, at->key);
	buf_addf(buf, ",\"Session\":\"%s\",\"Flags\":%llu,\"Value\":\"", q->lease,
		(unsigned long long)q->beat);
	buf_add_base64(buf, q->document, strlen(q->document));
	buf_add(buf, "\"}}]");
}

static void add_watch(struct buf *url, const struct fleet_place *at, const struct fleet_question *q)
{
	add_url(url, at, KV, at->key);
	buf_addf(url, "%cindex=%llu&wait=%ums", at->query[0] ? '&' : '?',
		(unsigned long long)q->index, q->lease_ms);
}

static int request(const struct fleet_place *at, const struct fleet_question *q,
	struct fleet_request *ret)
{
	struct buf url, body;

	buf_init(&url, ret->url, sizeof(ret->url));
	buf_init(&body, ret->body, sizeof(ret->body));
	ret->timeout_ms = ANSWER_MS;
	switch (q->what) {
	case FLEET_LOOK:
		add_url(&url, at, KV, at->key);
		break;
	case FLEET_WATCH:
		add_watch(&url, at, q);
		ret->timeout_ms += q->lease_ms + q->lease_ms / 16; /* as much as Consul adds */
		break;
	case FLEET_GRANT:
		add_url(&url, at, "/v1/session/create", "");
		add_session(&body, q->lease_ms);
		break;
	case FLEET_RENEW:
		add_url(&url, at, "/v1/session/renew/", q->lease);
		break;
	case FLEET_REVOKE:
		add_url(&url, at, "/v1/session/destroy/", q->lease);
		break;
	case FLEET_CLAIM:
	case FLEET_UPDATE:
	case FLEET_CHECK:
		add_url(&url, at, "/v1/txn", "");
		add_txn(&body, at, q);
		break;
	}
	ret->has_body = q->what != FLEET_LOOK && q->what != FLEET_WATCH;
	ret->method = ret->has_body ? "PUT" : NULL;
	return buf_error(&url) < 0 ? buf_error(&url) : buf_error(&body);
}

/* A key that is not there is a 404 with the index that its coming would exceed. */
static enum coordinator_verdict read_view(const struct http_answer *answer,
	struct coordinator_view *ret)
{
	bool absent = answer->status == 404;
	enum coordinator_verdict verdict = coordinator_parse(COORDINATOR_CONSUL,
		absent ? "[]" : answer->body, absent ? 2 : answer->size, NULL, ret);

	if (verdict == COORDINATOR_OK || verdict == COORDINATOR_NOTHING)
		ret->index = answer->index;
	return verdict;
}

/* An object after its creation, an array when it was renewed; 404 when there is none. */
static int read_lease(const struct http_answer *answer, char ret_lease[static FLEET_LEASE_MAX],
	unsigned *ret_ttl_s)
{
	char buffer[64];
	struct json_object *root;
	const char *id;
	bool good;

	if (answer->error == 0 && answer->status == 404)
		return 0;
	if (http_problem(answer, buffer, sizeof(buffer)))
		return -EPROTO;
	root = json_read(answer->body, answer->size);
	id = json_string(json_length(root) ? json_at(root, 0) : root, "ID");
	good = id && coordinator_is_session(id);
	if (good) {
		strcpy(ret_lease, id);
		*ret_ttl_s = UINT32_MAX; /* what counts is how long the others wait for a sign */
	}
	json_object_put(root);
	return good;
}

static int read_held(const struct http_answer *answer)
{
	char buffer[64];

	if (answer->error == 0 && answer->status == 409)
		return 0;
	return http_problem(answer, buffer, sizeof(buffer)) ? -EPROTO : 1;
}

const struct fleet_store fleet_consul = {
	.name = "Consul",
	.place = place,
	.request = request,
	.read = read_view,
	.read_lease = read_lease,
	.read_held = read_held,
};
