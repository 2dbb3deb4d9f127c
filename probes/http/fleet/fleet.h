/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet: one prober of many hosts publishes the verified topology in etcd or Consul under a
 * lease, and tells people what befalls it; the others watch that.
 *
 * What is read there is nobody's evidence: when it changes, a follower asks all instances at once.
 */
#ifndef FLEET_H
#define FLEET_H

#include "http/http.h"
#include "remote/remote.h"

struct fleet;

/* The cluster's key stands behind the URL's.  0; -EINVAL: the URL has no key; -errno. */
int fleet_new(const struct http_cluster *of, struct fleet **ret);
/* Somebody else may lead when the lease has ended. */
void fleet_free(struct fleet *f);

/* What this host has verified; only who knows something may lead. */
void fleet_publish(struct fleet *f, const struct pel_hot *hot, const struct pel_cold *cold);

#endif
