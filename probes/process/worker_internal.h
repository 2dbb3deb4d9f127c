/* SPDX-License-Identifier: Apache-2.0 */
/* What worker.c, its sweeps and the verbs of its control socket share. */
#ifndef WORKER_INTERNAL_H
#define WORKER_INTERNAL_H

#include "control/control.h"
#include "control/scrape.h"
#include "engine/engine.h"
#include "engine/follows.h"
#include "map/history.h"
#include "map/slots.h"
#include "worker.h"

struct worker {
	const struct worker_options *o;
	struct loop *loop;
	struct log *log;
	struct config *config;
	struct engine *engine;
	struct control *control;
	struct scrape *scrape;
	struct slots_file *slots;
	struct history *history; /* NULL: none is kept */
	struct slots_summary clients;
	uint64_t held; /* connects that wait for a writer now */
	struct follows *follows;
	struct loop_io channel_io;
	struct loop_timer sweep, count, check;
	uint64_t started_ns;
	uint64_t busy_ns;  /* when somebody last needed us */
	uint64_t requests; /* of the control socket, at the last sweep */
};

/* The verbs of the control socket, on a struct worker. */
extern const struct control_verb worker_verbs[];

/* Follows what a request asks for, and keeps the request; an engine's error, or -EINVAL. */
int worker_follow(struct worker *w, const struct control_request *request,
	const struct control_peer *peer, bool *ret_credential);

/* Follows one of the names that came with another, for somebody has it in use; keeps that. */
void worker_want(struct worker *w, const char *name);

/* Keeps what a request is without its credential. */
void worker_keep_bare(struct worker *w, const struct control_request *request);

/* Follows what the supervisor kept, until it says that this was all; blocks.  0 or -errno. */
int worker_replay(struct worker *w);

/* 0, or -errno and a sentence: then the old configuration is still in force. */
int worker_reload(struct worker *w, struct config_error *ret_error);

/* Forgets a name, and what was kept for it; what the configuration names stays followed. */
void worker_unfollow(struct worker *w, const char *name);

/* Begins to look at the clients' slots; worker.c stops the timers. */
void worker_sweep_start(struct worker *w);

/* Something has happened: the next look is within a second. */
void worker_sweep_soon(struct worker *w);

#endif
