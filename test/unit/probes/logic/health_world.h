/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for the health of an instance, by script.
 *
 * The world has an instance (its kernel and its server), a DNS server and other instances; it asks
 * the instance every 500 ms as the prober does, and does what health_tick() wants.  Words change
 * it:
 *
 *   N          N ms pass               kernel- kernel+   the host is cut off, or back
 *   server- server+  stops, goes on    dns- dns+  others- others+   the witnesses
 *   old-       what the old connection sends is lost, new connections work
 *   closed+ closed-  the port refuses  kill   the server's process ends: reset, port closed
 *   rtt:N      round trip in ms        ask- ask+   nobody asks
 *   pause:N    the prober is stopped for N ms, then told so
 *   drop       we close the connection ourselves     full   the server answers with an error only
 *   limit+     a second connection is refused, the first is well
 *   lost       the connection in use is reset      reset  a new one is, after its SYN-ACK
 *   unroute    attempts end with EHOSTUNREACH at once
 */
#ifndef HEALTH_WORLD_H
#define HEALTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logic/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define STEP (5 * MS)

struct world {
	struct health h;
	struct health_witness w;
	uint64_t now, rtt, deadline;
	uint64_t ask_at, answer_at, dialled_at, other_at;
	uint64_t retransmit_at, backoff; /* of the question on the old connection */
	bool kernel, server, dns, others, old, closed, limit, asking, full, unroute;
	bool unacked; /* bytes of the old connection are on their way for ever, or for a while */
	unsigned looks, dials, renews, witnesses, declared;
};

#define OK PEL_HEALTH_OK
#define SUSPECT PEL_HEALTH_SUSPECT
#define STALLED PEL_HEALTH_STALLED
#define UNREACHABLE PEL_HEALTH_UNREACHABLE

static inline void world_init(struct world *w)
{
	*w = (struct world){.now = 1000000 * MS,
		.rtt = MS,
		.kernel = true,
		.server = true,
		.dns = true,
		.others = true,
		.old = true,
		.asking = true};
	health_init(&w->h, w->now);
	health_dialled(&w->h, w->now);
	health_accepted(&w->h, &w->w, true, w->now);
	health_spoke(&w->h, &w->w, 1000, w->now);
	w->ask_at = w->now;
}

/* TCP of the question: its first segment, and retransmissions that back off. */
static inline void world_segment(struct world *w)
{
	if (!w->unacked || w->now < w->retransmit_at)
		return;
	if (w->kernel && w->old) {
		w->unacked = false;
		w->h.acked_ns = w->now;
		w->answer_at = w->now + w->rtt;
		return;
	}
	w->retransmit_at = w->now + w->backoff;
	w->backoff *= 2;
}

static inline void world_ask(struct world *w)
{
	if (!w->asking || w->now < w->ask_at)
		return;
	w->ask_at = w->now + 500 * MS;
	if (w->h.connected && !w->h.asked_ns) {
		health_asked(&w->h, w->now);
		w->unacked = true;
		w->retransmit_at = w->now;
		w->backoff = 200 * MS + w->rtt;
		world_segment(w);
	} else if (!w->h.connected && !w->h.dialling) {
		w->ask_at = w->now + 50 * MS;
		health_dialled(&w->h, w->now);
		w->dialled_at = w->now;
	}
}

static inline void world_dial_ends(struct world *w)
{
	bool keep = !w->h.connected;
	/* A SYN is sent again after one second; after two the attempt is given up. */
	uint64_t age = w->now - w->dialled_at;
	bool arrives =
		age / STEP == w->rtt / STEP + 1 || age / STEP == (1000 * MS + w->rtt) / STEP + 1;

	if (!w->h.dialling)
		return;
	if (w->unroute || age > 2000 * MS) {
		health_undialled(&w->h, w->now);
	} else if (w->kernel && (w->closed || (w->limit && w->h.connected)) && arrives) {
		health_refused(&w->h, &w->w, w->now);
	} else if (w->kernel && arrives) {
		health_accepted(&w->h, &w->w, keep, w->now);
		if (keep)
			w->unacked = false;
		w->answer_at = w->now + w->rtt;
		/* The second connection logs in and takes over. */
		if (w->server && !w->old) {
			w->old = true;
			w->unacked = false;
		}
	}
}

static inline void world_answers(struct world *w)
{
	if (w->server && w->kernel && w->old && !w->unacked && !w->closed && w->h.connected &&
		w->h.asked_ns && w->answer_at && w->now >= w->answer_at) {
		uint32_t rtt_us = (uint32_t)((w->now - w->h.asked_ns) / 1000);

		w->answer_at = 0;
		health_spoke(&w->h, &w->w, rtt_us ? rtt_us : 1, w->now);
		if (w->full)
			health_closed(&w->h, &w->w, true, w->now);
	}
	if (w->others && w->now >= w->other_at) {
		health_witnessed(&w->w, w->now);
		w->other_at = w->now + 250 * MS;
	}
}

static inline void world_tick(struct world *w)
{
	static const struct health_config config = {1500 * MS, 30000 * MS};
	unsigned want = health_tick(&w->h, &w->w, &config, w->now, &w->deadline);

	if (want & HEALTH_WANT_LOOK) {
		w->looks++;
		health_looked(&w->h, w->unacked, w->now - w->h.acked_ns, w->now);
		want |= health_tick(&w->h, &w->w, &config, w->now, &w->deadline);
	}
	if (want & HEALTH_WANT_CONNECT) {
		w->dials++;
		health_dialled(&w->h, w->now);
		w->dialled_at = w->now;
	}
	if (want & HEALTH_WANT_WITNESS) {
		w->witnesses++;
		if (w->dns)
			health_witnessed(&w->w, w->now);
	}
	if (want & HEALTH_WANT_RENEW) {
		w->renews++;
		w->unacked = false;
		health_closed(&w->h, &w->w, false, w->now);
		w->ask_at = w->now;
	}
	w->declared += w->h.state == UNREACHABLE;
	assert_true(w->deadline > w->now);
}

static inline void world_pass(struct world *w, uint64_t ms)
{
	for (uint64_t end = w->now + ms * MS; w->now < end; w->now += STEP) {
		world_dial_ends(w);
		world_segment(w);
		world_answers(w);
		world_ask(w);
		world_tick(w);
	}
}

static inline void world_word(struct world *w, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"kernel", &w->kernel}, {"server", &w->server}, {"dns", &w->dns},
		{"others", &w->others}, {"old", &w->old}, {"closed", &w->closed},
		{"limit", &w->limit}, {"ask", &w->asking}};
	size_t n = strlen(word);

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (strncmp(word, flags[i].name, n - 1) == 0 && strlen(flags[i].name) == n - 1) {
			*flags[i].flag = word[n - 1] == '+';
			w->ask_at = flags[i].flag == &w->asking ? w->now : w->ask_at;
			return;
		}
	}
	if (*word >= '0' && *word <= '9') {
		world_pass(w, strtoul(word, NULL, 10));
	} else if (strncmp(word, "rtt:", 4) == 0) {
		w->rtt = strtoul(word + 4, NULL, 10) * MS;
	} else if (strncmp(word, "pause:", 6) == 0) {
		uint64_t since = w->now;

		w->now += strtoul(word + 6, NULL, 10) * MS;
		health_paused(&w->h, since, w->now);
		health_witness_paused(&w->w, since, w->now);
	} else if (strcmp(word, "kill") == 0) {
		w->closed = true;
		w->unacked = w->server = false;
		health_closed(&w->h, &w->w, true, w->now);
		w->ask_at = w->now;
	} else if (strcmp(word, "drop") == 0) {
		w->unacked = false;
		health_closed(&w->h, &w->w, false, w->now);
		w->ask_at = w->now;
	} else if (strcmp(word, "lost") == 0) {
		w->unacked = false;
		health_closed(&w->h, &w->w, true, w->now);
		w->ask_at = w->now;
	} else if (strcmp(word, "reset") == 0) {
		health_dialled(&w->h, w->now);
		health_accepted(&w->h, &w->w, true, w->now);
		health_refused(&w->h, &w->w, w->now);
		health_closed(&w->h, &w->w, false, w->now);
	} else if (strcmp(word, "full") == 0) {
		w->full = true;
	} else if (strcmp(word, "unroute") == 0) {
		w->unroute = true;
	} else {
		fail_msg("no such word: %s", word);
	}
}

static inline void world_play(struct world *w, const char *script)
{
	char text[256], *rest = NULL;

	(void)snprintf(text, sizeof(text), "%s", script);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		world_word(w, word);
}

#endif
