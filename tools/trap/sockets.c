/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cookie has its place, or one of the WINDOW behind it.  The words of `used` are what is walked,
 * so that the pages of an empty table are never touched.
 */
#include "sockets.h"

#include <errno.h>
#include <string.h>

#define WINDOW 64

static unsigned place_of(uint64_t cookie, unsigned i)
{
	return (unsigned)(((cookie * UINT64_C(0x9e3779b97f4a7c15)) >> 40) + i) % TRAP_SOCKETS;
}

static bool is_used(const struct trap *t, unsigned at)
{
	return t->used[at / 64] >> at % 64 & 1;
}

struct trap_socket *sockets_find(struct trap *t, uint64_t cookie)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		unsigned at = place_of(cookie, i);

		if (is_used(t, at) && atomic_load(&t->sockets[at].cookie) == cookie)
			return &t->sockets[at];
	}
	return NULL;
}

static struct trap_socket *find_free(struct trap *t, uint64_t cookie)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		unsigned at = place_of(cookie, i);

		if (!is_used(t, at))
			return &t->sockets[at];
	}
	return NULL;
}

struct trap_socket *sockets_put(struct trap *t, const struct trap_socket *s)
{
	uint64_t cookie = atomic_load(&s->cookie);
	struct trap_socket *to = sockets_find(t, cookie);
	unsigned at;

	if (to)
		sockets_forget(t, to);
	to = find_free(t, cookie);
	if (!to)
		return NULL;
	at = (unsigned)(to - t->sockets);
	memcpy((char *)to + sizeof(to->cookie), (const char *)s + sizeof(s->cookie),
		sizeof(*s) - sizeof(s->cookie));
	atomic_store(&to->cookie, cookie);
	t->used[at / 64] |= UINT64_C(1) << at % 64;
	t->n_sockets++;
	return to;
}

void sockets_forget(struct trap *t, struct trap_socket *s)
{
	unsigned at = (unsigned)(s - t->sockets);

	t->used[at / 64] &= ~(UINT64_C(1) << at % 64);
	atomic_store(&s->cookie, 0);
	if (t->n_sockets > 0)
		t->n_sockets--;
}

struct trap_socket *sockets_next(struct trap *t, struct trap_socket *from)
{
	for (unsigned at = from ? (unsigned)(from - t->sockets) + 1 : 0; at < TRAP_SOCKETS;) {
		uint64_t rest = t->used[at / 64] >> at % 64;

		if (rest != 0)
			return &t->sockets[at + (unsigned)__builtin_ctzll(rest)];
		at = (at / 64 + 1) * 64;
	}
	return NULL;
}

int sockets_name(struct trap *t, const char *name)
{
	for (uint32_t i = 0; i < t->n_names; i++) {
		if (strcmp(t->names[i], name) == 0)
			return (int)i;
	}
	if (t->n_names == TRAP_NAMES)
		return -ENOSPC;
	strcpy(t->names[t->n_names], name);
	return (int)t->n_names++;
}
