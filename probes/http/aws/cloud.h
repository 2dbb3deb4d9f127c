/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS has to do with one cluster: its key, secret, tokens, and control plane. */
#ifndef CLOUD_H
#define CLOUD_H

#include "config/credential.h"
#include "http/http.h"
#include "remote/views.h"

struct cloud;

/* Whether a configuration asks for anything of it. */
bool cloud_is_wanted(const struct config_cluster *config);

/* 0; -EINVAL: the region is not known; -errno. */
int cloud_new(const struct http_cluster *of, struct cloud **ret);
void cloud_free(struct cloud *c);

/* A login was refused: the secret is read anew, at most each 10 s. */
void cloud_denied(struct cloud *c);

/* The cluster is another than it was. */
void cloud_changed(struct cloud *c);

/* A fresh password for `user` at `host`.  0; -EAGAIN: no key yet; -ENOBUFS. */
int cloud_token(const struct cloud *c, const char *host, uint16_t port, const char *user, char *ret,
	size_t size);

#endif
