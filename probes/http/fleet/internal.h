/* SPDX-License-Identifier: Apache-2.0 */
/* What fleet.c (who looks and follows) and lead.c (who leads) share; for these two alone. */
#ifndef FLEET_INTERNAL_H
#define FLEET_INTERNAL_H

#include "fleet.h"
#include "store.h"
#include "base/trouble.h"

enum fleet_state { LOOKING, WAITING, CLAIMING, LEADING, FOLLOWING };

struct fleet {
	struct loop *loop;
	struct http *http;
	struct config_cluster config;
	const struct fleet_store *store;
	struct fleet_place place;
	char key[PEL_NAME_MAX];
	void (*told)(void *ctx, enum remote_fleet fleet, const struct coordinator_view *view);
	void *ctx;
	enum fleet_state state;
	char document[FLEET_DOCUMENT_MAX];
	bool known;
	bool follows;        /* as far as the log has told */
	bool changed;        /* the document, since it was last put */
	uint64_t unknown_ns; /* since when we know nothing */
	char lease[FLEET_LEASE_MAX];
	uint64_t lease_end_ns;
	uint64_t renewed_ns;    /* when its last renewal was asked for */
	struct http_call *call; /* of the state: a question, a put, the watch */
	struct http_call *renew;
	struct loop_timer timer; /* of the state */
	struct trouble trouble;
	struct coordinator_view view;
	uint64_t heard_ns; /* when the leader's last sign of life was heard */
};

/* Asks, with the lease that is named; the answer goes to `done`, lines to `line` (or NULL). */
int fleet_ask_about(struct fleet *f, enum fleet_what what, const char *lease,
	void (*done)(void *ctx, const struct http_answer *answer),
	void (*line)(void *ctx, const char *line, size_t n), struct http_call **ret);
/* The question of the state, whose answer it waits for. */
int fleet_ask(struct fleet *f, enum fleet_what what,
	void (*done)(void *ctx, const struct http_answer *answer));
/* Nobody waits for this answer. */
void fleet_ignore(void *ctx, const struct http_answer *answer);

/* Another state: whatever the last one asked and waited for is over. */
void fleet_enter(struct fleet *f, enum fleet_state state);
void fleet_look_in(struct fleet *f, uint64_t in_ns);
/* A moment that is another one on every host. */
uint64_t fleet_jitter_ns(const struct fleet *f);
void fleet_follow_nobody(struct fleet *f);
/* The store is of no use: alone for now. */
void fleet_fail(struct fleet *f, const char *why);
/* True if there is an answer worth reading; else the store is of no use. */
bool fleet_is_good(struct fleet *f, const struct http_answer *answer);

/* Asks for a lease, and with it for the key. */
void fleet_claim(struct fleet *f);
/* Puts the document: as the claim itself, or in place of our last one. */
void fleet_put(struct fleet *f);
/* Each third of the lease: renews it, or gives the lead up before the others take it. */
void fleet_keep_lead(struct fleet *f);

#endif
