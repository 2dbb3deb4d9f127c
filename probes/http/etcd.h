/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to etcd's JSON gateway.  Pure. */
#ifndef ETCD_H
#define ETCD_H

#include "base/url.h"

#include <stddef.h>
#include <stdint.h>

#define ETCD_KEY_MAX 512

/* A URL whose path is a key ("https://etcd:2379/mysql/main" has "mysql/main") as server and key. */
struct etcd_key {
	char server[PEL_NAME_MAX + 24];
	char key[ETCD_KEY_MAX];
};

/* `suffix` (may be "") is put behind the key.  0, -EINVAL, -ENOBUFS. */
int etcd_key_parse(const char *url, const char *suffix, struct etcd_key *ret);

/* Bodies of /v3/kv/range and /v3/watch; 0 or -ENOBUFS. */
int etcd_range_body(const struct etcd_key *key, char *ret, size_t size);
int etcd_watch_body(const struct etcd_key *key, uint64_t from_revision, char *ret, size_t size);

/* Of /v3/kv/txn: puts the value if there is no such key; if it is ours (`own`), by its lease. */
int etcd_claim_body(const struct etcd_key *key, const char *value, const char *lease, char *ret,
	size_t size);
int etcd_update_body(const struct etcd_key *key, const char *value, const char *lease, char *ret,
	size_t size);

/* The same without a put: whether the key is still ours. */
int etcd_check_body(const struct etcd_key *key, const char *lease, char *ret, size_t size);

/* Of one message of a watch: false for its creation and for progress, which say nothing. */
bool etcd_is_news(const char *line);

#endif
