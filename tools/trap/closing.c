/* SPDX-License-Identifier: Apache-2.0 */
#include "closing.h"

#include "socket.h"
#include "sockets.h"
#include "task.h"
#include "waiting.h"

#include "base/env.h"
#include "prober/slot.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FULL_NS UINT64_C(1000000000) /* between two looks for room */

/* A duplicate of what is recorded, or below 0 if its owner has closed it; -EAGAIN: who knows. */
static int take(struct worker *w, const struct trap_socket *s)
{
	int own = task_take(s->owner, s->fd);

	if (own < 0 || socket_cookie(own) == atomic_load(&s->cookie))
		return own;
	(void)close(own);
	return -1;
}

/*
 * The next read gives 0 and the next write EPIPE; of who would die of that the next call gives
 * ECONNRESET.
 */
static void end(struct worker *w, int own, const struct trap_socket *s, enum pel_severed why,
	uint64_t now_ns)
{
	/* It was connected anew, by a call that nobody told of. */
	if (!socket_goes_to(own, &s->socket.real))
		return;
	if (!task_dies_of_sigpipe(s->owner) || !socket_disconnect(own))
		(void)shutdown(own, SHUT_RDWR);
	atomic_store(&w->followed[s->name]->released_ns, now_ns);
	slot_count_severed(why);
}

/* False if that could not be done now. */
static bool judge(struct worker *w, struct trap_socket *s, const struct pel_ref *ref,
	const struct pel_hot *hot, uint64_t now_ns)
{
	enum sever_reason reason;
	int own;

	s->socket.uid = hot->uid;
	s->socket.name = (uint8_t)ref->name;
	reason = sever_decide(hot, &s->socket, env_get()->sever, true, now_ns);
	if (reason < SEVER_FIRST)
		return true;
	own = take(w, s);
	if (own >= 0 && !waiting_instead(w, own, s)) {
		end(w, own, s, reason - SEVER_FIRST, now_ns);
		sockets_forget(w->trap, s);
	} else if (own < 0 && own != -EAGAIN) {
		sockets_forget(w->trap, s);
	}
	if (own >= 0)
		(void)close(own);
	return own != -EAGAIN;
}

/* One name.  False if the map does not have it, or nobody lives who vouches for what it says. */
static bool look_name(struct worker *w, const struct pel_map *map, unsigned i, uint64_t now_ns)
{
	const struct followed *f = w->followed[i];
	struct worker_seen *seen = &w->seen[i];
	struct trap_socket *next;
	struct pel_ref ref;
	struct pel_hot hot;
	bool is_led, is_done = true;

	if (!f || !mapview_is_fresh(map, now_ns)) {
		*seen = (struct worker_seen){0};
		return !f;
	}
	if (pel_map_find(map, f->name, f->hash, &ref) < 0)
		return false;
	if (seen->map == map && seen->uid == ref.uid &&
		seen->generation == pel_map_generation(map, ref.cluster))
		return true;
	if (mapview_read(map, f->name, f->hash, &ref, &hot) < 0)
		return false;
	is_led = plan_mode(f) == PEL_MODE_ACTIVE;
	for (struct trap_socket *s = sockets_next(w->trap, NULL); s && is_led; s = next) {
		next = sockets_next(w->trap, s);
		worker_beat(w);
		if (s->name == i && !s->parked && !judge(w, s, &ref, &hot, now_ns))
			is_done = false;
	}
	if (seen->map != map)
		slot_follow(f->hash, now_ns);
	*seen = (struct worker_seen){.map = map, .uid = hot.uid, .generation = hot.generation};
	seen->generation -= !is_done;
	return true;
}

/* As at a failover, but what is idle, and once. */
static void drill(struct worker *w, const struct pel_map *map, uint64_t now_ns)
{
	struct trap_socket *next;
	uint64_t of;

	if (!drill_is_begun(&w->drill, map, &of))
		return;
	for (struct trap_socket *s = sockets_next(w->trap, NULL); s; s = next) {
		struct followed *f = w->followed[s->name];
		int own = -1;

		next = sockets_next(w->trap, s);
		worker_beat(w);
		if (f && !s->parked && drill_is_of(f, &s->socket, s->families, s->port, of))
			own = take(w, s);
		if (own >= 0 && socket_is_idle(own)) {
			end(w, own, s, PEL_SEVERED_DRILL, now_ns);
			sockets_forget(w->trap, s);
		}
		if (own >= 0)
			(void)close(own);
	}
}

void closing_look(struct worker *w, const struct pel_map *map, uint64_t now_ns)
{
	w->all_found = map != NULL;
	for (unsigned i = 0; map && i < w->trap->n_names; i++) {
		if (!look_name(w, map, i, now_ns))
			w->all_found = false;
	}
	drill(w, map, now_ns);
}

struct trap_socket *closing_put(struct worker *w, const struct trap_socket *s)
{
	struct trap_socket *to = sockets_put(w->trap, s);

	if (to || s->made_ns - w->full_ns < FULL_NS)
		return to;
	w->full_ns = s->made_ns;
	(void)closing_count(w);
	return sockets_put(w->trap, s);
}

uint32_t closing_count(struct worker *w)
{
	struct trap_socket *next;
	uint32_t live = 0;

	for (struct trap_socket *s = sockets_next(w->trap, NULL); s; s = next) {
		int own = take(w, s);

		worker_beat(w);
		next = sockets_next(w->trap, s);
		if (own < 0 && own != -EAGAIN) {
			sockets_forget(w->trap, s);
			continue;
		}
		if (own >= 0)
			(void)close(own);
		live += !s->parked;
	}
	return live;
}
