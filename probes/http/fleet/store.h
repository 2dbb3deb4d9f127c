/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of a fleet: a key-value store with keys that go when their owner does.
 *
 * One struct fleet_store for each kind.  It turns what the fleet wants to ask into a request, and
 * an answer into yes or no; when to ask, and what follows from it, is fleet.c's.  All of it is
 * pure.
 */
#ifndef FLEET_STORE_H
#define FLEET_STORE_H

#include "http/coordinator_parse.h"
#include "http/http.h"
#include "base/url.h"

#define FLEET_LEASE_MAX 40 /* etcd: a number; Consul: a UUID */
#define FLEET_DOCUMENT_MAX 12000
#define FLEET_BODY_MAX (2 * FLEET_DOCUMENT_MAX)
#define FLEET_KEY_MAX 512

/* Where a fleet meets, as read from the URL. */
struct fleet_place {
	char server[PEL_NAME_MAX + 24]; /* scheme and authority */
	char key[FLEET_KEY_MAX];
	char query[CONFIG_URL_MAX]; /* of the URL, for each request; may be "" */
};

enum fleet_what {
	FLEET_LOOK,   /* what is there now */
	FLEET_WATCH,  /* what comes after `index` */
	FLEET_GRANT,  /* a new lease */
	FLEET_RENEW,  /* our lease */
	FLEET_REVOKE, /* a lease, and with it the key that is bound to it */
	FLEET_CLAIM,  /* the document under our lease, if there is none */
	FLEET_UPDATE, /* the document, if the one that is there is bound to our lease */
	FLEET_CHECK,  /* whether it still is; where silence means death, a sign of life as well */
};

struct fleet_question {
	enum fleet_what what;
	const char *document; /* CLAIM, UPDATE, CHECK */
	const char *lease;    /* RENEW, REVOKE, CLAIM, UPDATE, CHECK */
	uint64_t index;       /* WATCH */
	uint64_t beat;        /* CLAIM, UPDATE, CHECK: another one each time */
	uint32_t lease_ms;
};

struct fleet_request {
	const char *method; /* NULL: GET, or POST if there is a body */
	char url[URL_MAX];
	bool has_body;
	char body[FLEET_BODY_MAX];
	uint32_t timeout_ms;
};

struct fleet_store {
	const char *name;
	/*
	 * Of a watch that is a stream of lines until it ends: whether a line says anything; the
	 * store itself takes the key of a leader away that is gone.  NULL: a watch is one answer
	 * after the other, and whoever has heard no sign of life for a lease revokes the leader's.
	 */
	bool (*is_news)(const char *line);
	/* `suffix` is put behind the URL's key.  0, -EINVAL, -ENOBUFS. */
	int (*place)(const char *url, const char *suffix, struct fleet_place *ret);
	/* 0 or -ENOBUFS. */
	int (*request)(const struct fleet_place *place, const struct fleet_question *question,
		struct fleet_request *ret);
	/* Of LOOK and of a WATCH: what is there now. */
	enum coordinator_verdict (
		*read)(const struct http_answer *answer, struct coordinator_view *ret);
	/* Of GRANT and RENEW.  1; 0: there is no such lease; -EPROTO: no answer. */
	int (*read_lease)(const struct http_answer *answer, char ret_lease[static FLEET_LEASE_MAX],
		unsigned *ret_ttl_s);
	/* Of CLAIM, UPDATE, CHECK.  1: it was as expected; 0: it was not; -EPROTO: no answer. */
	int (*read_held)(const struct http_answer *answer);
};

extern const struct fleet_store fleet_etcd, fleet_consul;

/* The kind that a URL leads to: Consul's has a path below /v1/kv/. */
const struct fleet_store *fleet_store_of(const char *url);

/* The document that is published: who writes, who reads, how each is.  0 or -ENOBUFS. */
int fleet_document(const struct pel_hot *hot, const struct pel_cold *cold, char *ret, size_t size);

#endif
