/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials of one cluster: which to try next, and which never again so soon.
 *
 * Order: the configured ones, then the one last proven good, then untried ones as they came.  An
 * untried one never takes the place of a good one.  Until it has proven itself two logins at most use
 * a credential at once, and one more each 2 s: servers that are silent keep nobody from those that
 * answer.  Denied, it rests for CREDENTIALS_REST_MS, at every server.  What a server has refused
 * itself is remembered with that server (link.h).
 *
 * Time is given by the caller; nothing here does I/O.  The list lives in memory that no core dump
 * contains.  Not thread-safe.
 */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include "config/credential.h"

#define CREDENTIALS_MAX 16
#define CREDENTIALS_REST_MS 10000

enum credentials_verdict {
	CREDENTIALS_NONE = 0, /* there is nothing to log in with */
	CREDENTIALS_UNTRIED,  /* some have not been tried yet */
	CREDENTIALS_GOOD,     /* one has logged in */
	CREDENTIALS_DENIED,   /* every one was refused */
};

struct credentials;

struct credentials *credentials_new(void);
void credentials_free(struct credentials *c);

/*
 * Adds a copy.  1 if it is new, 0 if it was known, -EINVAL without a user, -ENOSPC if the list is
 * full of better ones.  A configured one replaces a configured one of the same user.
 */
int credentials_add(struct credentials *c, const struct credential *credential);

/* The same of one that a program gave for a followed name, by the hash of that name. */
int credentials_follow(struct credentials *c, const struct credential *credential, uint64_t name);

/* Adds what was given to `from` for that name, and for no other; true if any is new. */
bool credentials_copy(struct credentials *to, const struct credentials *from, uint64_t name);

/* A bit for each ticket that programs gave for names, and for none of these. */
uint16_t credentials_of_others(const struct credentials *c, const uint64_t *names, unsigned n);

/* A bit for each place that has another credential than when this was last asked. */
uint16_t credentials_take_changes(struct credentials *c);

/* Forgets those of one origin, as soon as no login uses them; for a reload. */
void credentials_remove_origin(struct credentials *c, enum credential_origin origin);

/*
 * The credential for the next login, and *ret_ticket by which its outcome is told; NULL if none may
 * be tried now.  It stays valid and unchanged until exactly one of the three outcomes is told.
 * `but` has a bit for each ticket that will not do.  `urgent`: who rests, or is not answered, will.
 */
const struct credential *credentials_take(struct credentials *c, uint16_t but, bool urgent,
	uint64_t now_ms, unsigned *ret_ticket);
/* The same credential again, until its outcome is told. */
const struct credential *credentials_of(const struct credentials *c, unsigned ticket);
void credentials_proven(struct credentials *c, unsigned ticket, uint64_t now_ms);
void credentials_denied(struct credentials *c, unsigned ticket, uint64_t now_ms);
void credentials_unanswered(struct credentials *c, unsigned ticket);

/* True unless that code is what was last to be told of it since it was proven: say it once. */
bool credentials_tell(struct credentials *c, unsigned ticket, unsigned code);

/* When credentials_take() may next succeed; UINT64_MAX if only a new credential can help. */
uint64_t credentials_next_ms(const struct credentials *c, uint16_t but, uint64_t now_ms);

/* Whether this one was refused, or not even taken, while another one was let in. */
bool credentials_is_useless(const struct credentials *c, const char *user, const char *password);

enum credentials_verdict credentials_verdict(const struct credentials *c);

/* The configured credential of a section; false if it has none. */
bool credential_of_config(const struct config_cluster *cluster, struct credential *ret);

/* That of my.cnf's groups [client] and [pelorus], read by libmariadb; false if they have none. */
bool credential_of_option_files(const char *defaults_file, struct credential *ret);

#endif
