/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to etcd's JSON gateway.
 *
 * The gateway is protobuf in JSON: bytes are base64, 64-bit numbers are decimal strings.
 */
#include "etcd.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int etcd_key_parse(const char *url, const char *suffix, struct etcd_key *ret)
{
	struct url parts;
	int n;

	if (url_parse(url, &parts) < 0 || strchr(parts.path, '?'))
		return -EINVAL;
	n = snprintf(ret->server, sizeof(ret->server), "http%s://%s", parts.tls ? "s" : "",
		parts.authority);
	if (n < 0 || (size_t)n >= sizeof(ret->server))
		return -ENOBUFS;
	n = snprintf(ret->key, sizeof(ret->key), "%s%s", parts.path + 1, suffix);
	if (n < 0 || (size_t)n >= sizeof(ret->key))
		return -ENOBUFS;
	return n == 0 ? -EINVAL : 0;
}

static void add_field(struct buf *buf, const char *name, const char *bytes)
{
	buf_addf(buf, "\"%s\":\"", name);
	buf_add_base64(buf, bytes, strlen(bytes));
	buf_add(buf, "\"");
}

int etcd_range_body(const struct etcd_key *key, char *ret, size_t size)
{
	struct buf buf;

	buf_init(&buf, ret, size);
	buf_add(&buf, "{");
	add_field(&buf, "key", key->key);
	buf_add(&buf, "}");
	return buf_error(&buf);
}

int etcd_watch_body(const struct etcd_key *key, uint64_t from_revision, char *ret, size_t size)
{
	struct buf buf;

	buf_init(&buf, ret, size);
	buf_add(&buf, "{\"create_request\":{");
	add_field(&buf, "key", key->key);
	buf_addf(&buf, ",\"start_revision\":\"%llu\"}}", (unsigned long long)from_revision);
	return buf_error(&buf);
}

static void add_compare(struct buf *buf, const struct etcd_key *key, const char *target,
	const char *field, const char *expected)
{
	buf_add(buf, "{\"compare\":[{");
	add_field(buf, "key", key->key);
	buf_addf(buf, ",\"target\":\"%s\",\"result\":\"EQUAL\",\"%s\":\"%s\"}],\"success\":[",
		target, field, expected);
}

static int put_if(const struct etcd_key *key, const char *target, const char *field,
	const char *expected, const char *value, const char *lease, char *ret, size_t size)
{
	struct buf buf;

	buf_init(&buf, ret, size);
	add_compare(&buf, key, target, field, expected);
	buf_add(&buf, "{\"request_put\":{");
	add_field(&buf, "key", key->key);
	buf_add(&buf, ",");
	add_field(&buf, "value", value);
	buf_addf(&buf, ",\"lease\":\"%s\"}}]}", lease);
	return buf_error(&buf);
}

int etcd_check_body(const struct etcd_key *key, const char *lease, char *ret, size_t size)
{
	struct buf buf;

	buf_init(&buf, ret, size);
	add_compare(&buf, key, "LEASE", "lease", lease);
	buf_add(&buf, "]}");
	return buf_error(&buf);
}

int etcd_claim_body(const struct etcd_key *key, const char *value, const char *lease, char *ret,
	size_t size)
{
	return put_if(key, "CREATE", "create_revision", "0", value, lease, ret, size);
}

int etcd_update_body(const struct etcd_key *key, const char *value, const char *lease, char *ret,
	size_t size)
{
	return put_if(key, "LEASE", "lease", lease, value, lease, ret, size);
}

bool etcd_is_news(const char *line)
{
	return strstr(line, "\"events\"") || strstr(line, "\"canceled\"") ||
		!strstr(line, "\"result\"");
}
