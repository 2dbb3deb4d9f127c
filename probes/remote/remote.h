/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What speaks HTTP or ZooKeeper: modules beside pelorusd, each loaded when the configuration first
 * asks for it.
 *
 * libcurl and what it brings along would cost every prober memory, and most need none of it.  So
 * everything that uses libcurl, json-c and expat is in pelorus-http.so, and what uses ZooKeeper's
 * client in pelorus-zookeeper.so; the prober knows only this file.  A module runs on the prober's
 * loop and calls struct remote_core from there, never from within the calls here.  Times, clusters'
 * keys and their names are the engine's.
 */
#ifndef REMOTE_H
#define REMOTE_H

#include "config/config.h"
#include "config/credential.h"
#include "base/log.h"
#include "base/loop.h"
#include "views.h"

#include <pelorus/map.h>

#define REMOTE_SYMBOL "pelorus_remote"

struct remote;
struct remote_fetch;

enum remote_fleet {
	REMOTE_FLEET_ALONE = 0, /* nobody leads, as if there were no fleet */
	REMOTE_FLEET_LEADS,
	REMOTE_FLEET_FOLLOWS, /* another host tells people; what it says is a reason to ask */
};

/* What the module tells; `key` names a cluster.  None of these may close the module. */
struct remote_core {
	/* A coordinator names members, and perhaps a primary: to be verified; nobody: it is dead. */
	void (*named)(void *ctx, const char *key, const struct coordinator_view *view);
	/* The control plane lists custom endpoints, members, zones. */
	void (*listed)(void *ctx, const char *key, const struct rds_view *view);
	/* A credential to log in with from now on; replaces the last one of the module. */
	void (*credential)(void *ctx, const char *key, const struct credential *credential);
	/* Tokens of remote_ops.token can be had from now on. */
	void (*tokens)(void *ctx, const char *key);
	/* Who leads the fleet; told again whenever the leader has said something new, with that. */
	void (*fleet)(void *ctx, const char *key, enum remote_fleet fleet,
		const struct coordinator_view *said);
	void *ctx;
};

/* A document that was fetched. */
struct remote_fetched {
	const char *problem; /* a phrase; NULL: there is none */
	bool unchanged;      /* as it was when it had the ETag that was sent */
	const char *body;
	size_t size;
	const char *etag; /* "": none */
};

/* That of ZooKeeper has config_size, open, close, add and remove, and the rest is not called. */
struct remote_ops {
	size_t config_size; /* sizeof(struct config): module and program must be of one build */
	/* 0 or -errno. */
	int (*open)(struct loop *loop, struct log *log, const struct remote_core *core,
		struct remote **ret);
	void (*close)(struct remote *r);
	/* The global part of the configuration; it is copied. */
	void (*configure)(struct remote *r, const struct config *config);
	/* A followed cluster, or its new configuration; everything is copied.  0 or -errno. */
	int (*add)(struct remote *r, const char *key, const struct config_cluster *config);
	void (*remove)(struct remote *r, const char *key);
	/* A login was refused: secrets may have been rotated. */
	void (*denied)(struct remote *r, const char *key);
	/* An RDS token for a cluster with `auth = iam`.  0; -EAGAIN: not yet; -ENOBUFS; -ENOENT. */
	int (*token)(struct remote *r, const char *key, const char *host, uint16_t port,
		const char *user, char *ret, size_t size);
	/*
	 * Fetches a document, with the cluster's TLS and headers; `etag` "": none is known.  `done`
	 * is called once, from the loop.  0; -EPERM: plain http to afar; -ENOENT; -errno.
	 */
	int (*fetch)(struct remote *r, const char *key, const char *url, const char *etag,
		void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
		struct remote_fetch **ret);
	/* Ends it without telling. */
	void (*fetch_cancel)(struct remote_fetch *fetch);
	/* The verified topology was published. */
	void (*published)(struct remote *r, const char *key, const struct pel_hot *hot,
		const struct pel_cold *cold);
	/* A line of events.h, for those who want notices. */
	void (*event)(struct remote *r, const char *line);
};

enum remote_kind {
	REMOTE_HTTP = 0,
	REMOTE_ZOOKEEPER,
	REMOTE_KINDS,
};

struct remote_part {
	const struct remote_ops *ops;
	struct remote *remote; /* NULL: not loaded */
};

struct remote_module {
	struct remote_part parts[REMOTE_KINDS];
	bool muted; /* events of this moment are another host's to tell */
};

/* The core's end.  Where nothing is loaded, these do nothing, or say -ENOENT. */

/* Whether a configuration needs the module at all. */
bool remote_is_wanted(const struct config *config, enum remote_kind kind);

/* Loads it from beside the running program.  0 or -errno, with a sentence in `error`. */
int remote_module_load(struct remote_module *m, enum remote_kind kind, struct loop *loop,
	struct log *log, const struct remote_core *core, char *error, size_t size);
void remote_module_close(struct remote_module *m);

/* Each as in struct remote_ops. */
void remote_module_configure(struct remote_module *m, const struct config *config);
int remote_module_add(struct remote_module *m, const char *key,
	const struct config_cluster *config);
void remote_module_remove(struct remote_module *m, const char *key);
void remote_module_denied(struct remote_module *m, const char *key);
int remote_module_token(struct remote_module *m, const char *key, const char *host, uint16_t port,
	const char *user, char *ret, size_t size);
int remote_module_fetch(struct remote_module *m, const char *key, const char *url, const char *etag,
	void (*done)(void *ctx, const struct remote_fetched *answer), void *ctx,
	struct remote_fetch **ret);
void remote_module_fetch_cancel(struct remote_module *m, struct remote_fetch *fetch);
void remote_module_published(struct remote_module *m, const char *key, const struct pel_hot *hot,
	const struct pel_cold *cold);
void remote_module_event(struct remote_module *m, const char *line);

#endif
