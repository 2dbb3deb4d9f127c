/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cluster's credentials: an array of places that never move, for libmariadb keeps pointers to
 * user and password until a login has ended.
 *
 * Rank decides: configured before proven before untried before denied, so that a stale
 * configuration costs nothing while another one works.
 */
#include "credentials.h"

#include "base/secret.h"

#include <pelorus/map.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNPROVEN_AT_ONCE 2
#define SILENT_MS 2000 /* a login that takes longer tells nothing of its credential */

enum state { STATE_UNTRIED = 0, STATE_PROVEN, STATE_DENIED };

struct entry {
	bool used;
	bool leaving; /* removed, but a login still uses it */
	enum state state;
	unsigned logins; /* under way */
	uint64_t taken_ms;
	uint64_t order; /* of arrival */
	uint64_t proven_ms;
	uint64_t rest_until_ms;
	unsigned told;                 /* the code of its last failure that was said; 0: none was */
	uint64_t names[PEL_MAP_NAMES]; /* hashes of those that it was given for; 0: a free place */
	struct credential credential;
};

struct credentials {
	uint64_t arrivals;
	uint16_t changes;
	struct entry entries[CREDENTIALS_MAX];
};

struct credentials *credentials_new(void)
{
	return secret_alloc(sizeof(struct credentials));
}

void credentials_free(struct credentials *c)
{
	secret_free(c, sizeof(*c));
}

static void entry_clear(struct entry *e)
{
	if (e->logins > 0)
		e->leaving = true;
	else
		explicit_bzero(e, sizeof(*e));
}

static bool is_live(const struct entry *e)
{
	return e->used && !e->leaving;
}

static bool tls_is_as_strong(const struct tls_settings *a, const struct tls_settings *b)
{
	return a->on >= b->on && a->verify >= b->verify;
}

/* The same secret with weaker settings brings nothing: it would only be used more carelessly. */
static bool is_covered_by(const struct credential *c, const struct entry *e)
{
	const struct credential *have = &e->credential;

	return is_live(e) && strcmp(have->user, c->user) == 0 &&
		strcmp(have->password, c->password) == 0 &&
		(c->origin != CREDENTIAL_CONFIGURED || have->origin == CREDENTIAL_CONFIGURED) &&
		(memcmp(&have->tls, &c->tls, sizeof(c->tls)) == 0 ||
			(c->origin == CREDENTIAL_FOLLOWED &&
				tls_is_as_strong(&have->tls, &c->tls)));
}

static bool is_replaced_by(const struct credential *c, const struct entry *e)
{
	return is_live(e) && c->origin == CREDENTIAL_CONFIGURED &&
		e->credential.origin == CREDENTIAL_CONFIGURED &&
		strcmp(e->credential.user, c->user) == 0;
}

/* How little would be lost if this place were taken: 0 means that it must not be. */
static unsigned worthlessness(const struct entry *e)
{
	if (!e->used)
		return 3;
	if (e->logins > 0 || e->credential.origin != CREDENTIAL_FOLLOWED)
		return 0;
	return e->state == STATE_DENIED ? 2 : 0;
}

static struct entry *place_for_one(struct credentials *c)
{
	struct entry *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		struct entry *e = &c->entries[i];
		unsigned w = worthlessness(e);

		if (w > most || (best && w && w == most && e->order < best->order)) {
			most = w;
			best = e;
		}
	}
	return best;
}

static bool has_name(const struct entry *e, uint64_t name)
{
	bool has = false;

	for (unsigned i = 0; i < PEL_MAP_NAMES; i++)
		has |= e->names[i] == name;
	return has;
}

static void note_name(struct entry *e, uint64_t name)
{
	unsigned i = 0;

	if (!name || has_name(e, name))
		return;
	while (i + 1 < PEL_MAP_NAMES && e->names[i])
		i++;
	e->names[i] = name;
}

/* `name` 0: it was given for none. */
int credentials_follow(struct credentials *c, const struct credential *credential, uint64_t name)
{
	struct entry *e;

	if (!*credential->user)
		return -EINVAL;
	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		e = &c->entries[i];
		if (is_covered_by(credential, e)) {
			note_name(e, name);
			return 0;
		}
		if (is_replaced_by(credential, e))
			entry_clear(e);
	}
	e = place_for_one(c);
	if (!e)
		return -ENOSPC;
	explicit_bzero(e, sizeof(*e));
	e->used = true;
	e->order = ++c->arrivals;
	e->credential = *credential;
	e->names[0] = name;
	c->changes |= (uint16_t)(1u << (e - c->entries));
	return 1;
}

int credentials_add(struct credentials *c, const struct credential *credential)
{
	return credentials_follow(c, credential, 0);
}

bool credentials_copy(struct credentials *to, const struct credentials *from, uint64_t name)
{
	bool any = false;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		const struct entry *e = &from->entries[i];

		if (is_live(e) && e->credential.origin == CREDENTIAL_FOLLOWED && has_name(e, name))
			any |= credentials_follow(to, &e->credential, name) == 1;
	}
	return any;
}

uint16_t credentials_of_others(const struct credentials *c, const uint64_t *names, unsigned n)
{
	uint16_t bits = 0;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		const struct entry *e = &c->entries[i];
		bool ours = e->credential.origin != CREDENTIAL_FOLLOWED;

		for (unsigned k = 0; k < n; k++)
			ours |= has_name(e, names[k]);
		bits |= ours ? 0 : (uint16_t)(1u << i);
	}
	return bits;
}

uint16_t credentials_take_changes(struct credentials *c)
{
	uint16_t changes = c->changes;

	c->changes = 0;
	return changes;
}

void credentials_remove_origin(struct credentials *c, enum credential_origin origin)
{
	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		if (is_live(&c->entries[i]) && c->entries[i].credential.origin == origin)
			entry_clear(&c->entries[i]);
	}
}

/* Configured, last proven, untried, refused; within one rank the last proven or the oldest. */
static bool is_better(const struct entry *a, const struct entry *b)
{
	static const unsigned rank_of_state[] =
		{[STATE_PROVEN] = 1, [STATE_UNTRIED] = 2, [STATE_DENIED] = 3};
	unsigned rank_a = a->credential.origin == CREDENTIAL_CONFIGURED && a->state != STATE_DENIED
		? 0
		: rank_of_state[a->state];
	unsigned rank_b = b->credential.origin == CREDENTIAL_CONFIGURED && b->state != STATE_DENIED
		? 0
		: rank_of_state[b->state];

	if (rank_a != rank_b)
		return rank_a < rank_b;
	if (a->state == STATE_PROVEN && b->state == STATE_PROVEN)
		return a->proven_ms > b->proven_ms;
	return a->order < b->order;
}

static bool any_proven(const struct credentials *c)
{
	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		if (is_live(&c->entries[i]) && c->entries[i].state == STATE_PROVEN)
			return true;
	}
	return false;
}

static bool may_take(const struct entry *e, bool urgent, uint64_t now_ms)
{
	if (!is_live(e))
		return false;
	if (urgent)
		return true;
	if (now_ms < e->rest_until_ms)
		return false;
	if (e->state == STATE_PROVEN)
		return true;
	return e->logins < (e->state == STATE_UNTRIED ? UNPROVEN_AT_ONCE : 1u) ||
		now_ms >= e->taken_ms + SILENT_MS;
}

bool credentials_is_useless(const struct credentials *c, const char *user, const char *password)
{
	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		const struct entry *e = &c->entries[i];

		if (is_live(e) && e->state != STATE_DENIED &&
			strcmp(e->credential.user, user) == 0 &&
			strcmp(e->credential.password, password) == 0)
			return false;
	}
	return any_proven(c);
}

const struct credential *credentials_take(struct credentials *c, uint16_t but, bool urgent,
	uint64_t now_ms, unsigned *ret_ticket)
{
	struct entry *best = NULL;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		struct entry *e = &c->entries[i];

		if (!(but & 1u << i) && may_take(e, urgent, now_ms) &&
			(!best || is_better(e, best)))
			best = e;
	}
	if (!best)
		return NULL;
	best->logins++;
	best->taken_ms = now_ms;
	*ret_ticket = (unsigned)(best - c->entries);
	return &best->credential;
}

const struct credential *credentials_of(const struct credentials *c, unsigned ticket)
{
	return &c->entries[ticket].credential;
}

static struct entry *put(struct credentials *c, unsigned ticket)
{
	struct entry *e = &c->entries[ticket];

	e->logins--;
	if (e->leaving && e->logins == 0)
		explicit_bzero(e, sizeof(*e));
	return is_live(e) ? e : NULL;
}

void credentials_proven(struct credentials *c, unsigned ticket, uint64_t now_ms)
{
	struct entry *e = put(c, ticket);

	if (!e)
		return;
	e->state = STATE_PROVEN;
	e->told = 0;
	e->proven_ms = now_ms;
	e->rest_until_ms = 0;
}

void credentials_denied(struct credentials *c, unsigned ticket, uint64_t now_ms)
{
	struct entry *e = put(c, ticket);

	if (!e)
		return;
	e->state = STATE_DENIED;
	e->rest_until_ms = now_ms + CREDENTIALS_REST_MS;
}

bool credentials_tell(struct credentials *c, unsigned ticket, unsigned code)
{
	bool fresh = c->entries[ticket].told != code;

	c->entries[ticket].told = code;
	return fresh;
}

void credentials_unanswered(struct credentials *c, unsigned ticket)
{
	(void)put(c, ticket);
}

uint64_t credentials_next_ms(const struct credentials *c, uint16_t but, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		const struct entry *e = &c->entries[i];
		uint64_t at = e->rest_until_ms > now_ms ? e->rest_until_ms : now_ms;

		if (is_live(e) && !(but & 1u << i) && at < next)
			next = at;
	}
	return next;
}

enum credentials_verdict credentials_verdict(const struct credentials *c)
{
	bool any = false, untried = false;

	for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
		const struct entry *e = &c->entries[i];

		any = any || is_live(e);
		untried = untried || (is_live(e) && e->state == STATE_UNTRIED);
	}
	if (any_proven(c))
		return CREDENTIALS_GOOD;
	if (untried)
		return CREDENTIALS_UNTRIED;
	return any ? CREDENTIALS_DENIED : CREDENTIALS_NONE;
}

bool credential_of_config(const struct config_cluster *cluster, struct credential *ret)
{
	if (!*cluster->user)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->origin = CREDENTIAL_CONFIGURED;
	memcpy(ret->user, cluster->user, sizeof(ret->user));
	memcpy(ret->password, cluster->password, sizeof(ret->password));
	ret->tls = cluster->tls;
	return true;
}
