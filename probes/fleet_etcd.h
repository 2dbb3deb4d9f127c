/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet says to etcd and hears from it: bodies and answers.  Pure. */
#ifndef FLEET_ETCD_H
#define FLEET_ETCD_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>

#define FLEET_LEASE_MAX 24

/* The document that is published: who writes, who reads, how each is.  0 or -ENOBUFS. */
int fleet_document(const struct pel_hot *hot, const struct pel_cold *cold, char *ret, size_t size);

/* Of /v3/lease/grant, and of one message of /v3/lease/keepalive; false if there is no such lease.
 */
bool fleet_read_lease(
	const char *body, size_t n, char ret_lease[static FLEET_LEASE_MAX], unsigned *ret_ttl_s);

/* Of /v3/kv/txn: whether what it was compared with held. */
bool fleet_read_success(const char *body, size_t n);

#endif
