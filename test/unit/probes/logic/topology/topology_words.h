/* SPDX-License-Identifier: Apache-2.0 */
/* Members that are hosts, named by one letter each: what a coordinator, and what a server says of them. */
#ifndef TOPOLOGY_WORDS_H
#define TOPOLOGY_WORDS_H

#include "logic/topology/state.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)

static uint64_t now = 1000000 * MS;

static inline struct pel_addr addr_of(unsigned i)
{
	return (struct pel_addr){.family = 4, .port = 3306, .ip = {10, 0, 0, (uint8_t)i}};
}

/* "aW bR": host and role; the host of a is a.example, at 10.0.0.1; of A, a.elsewhere. */
static inline unsigned hosts_of(const char *text, struct evidence_host *words)
{
	unsigned n = 0;

	for (; *text; text += 2 + (text[2] == ' ')) {
		struct evidence_host *w = &words[n++];

		*w = (struct evidence_host){
			.role = text[1] == 'W' ? PEL_ROLE_WRITER : PEL_ROLE_READER};
		snprintf(w->host, sizeof(w->host), "%c.%s", tolower(*text),
			*text < 'a' ? "elsewhere" : "example");
	}
	return n;
}

static inline unsigned say(struct topology *t, const char *text)
{
	struct evidence_host words[8];
	unsigned n = hosts_of(text, words);

	return topology_feed_words(t, words, n, now);
}

/* The same of a server where the name leads: it tells the hosts of its cluster, and a term. */
static inline unsigned tell_at(struct topology *t, unsigned at, struct evidence_term term,
	unsigned refused, const char *text)
{
	static struct evidence e;
	unsigned slot;

	e = (struct evidence){.has = EVIDENCE_IDENTITY | EVIDENCE_ROLE | EVIDENCE_HOSTS,
		.role = PEL_ROLE_READER,
		.term = term,
		.sent_ns = now - MS,
		.received_ns = now,
		.uuid = "u-met",
		.n_refused = refused,
		.from = addr_of(at)};
	e.n_hosts = hosts_of(text, e.hosts);
	return topology_feed_scout(t, &e, &slot);
}

static inline unsigned tell(struct topology *t, uint64_t term, unsigned refused, const char *text)
{
	return tell_at(t, 9, (struct evidence_term){1, term}, refused, text);
}

static inline unsigned resolve(struct topology *t, char id)
{
	struct pel_addr addr = addr_of((unsigned)(id - 'a' + 1));
	const struct topology_dns dns = {.addrs = &addr, .n_addrs = 1, .ttl_ms = 5000};
	char name[2] = {id, 0};

	return topology_feed_host(t, topology_find(t, name), &dns, now);
}

static inline void answer_of(struct topology *t, char id, const char *uuid,
	struct evidence_term term, enum pel_role role)
{
	struct evidence e = {.has = EVIDENCE_IDENTITY | EVIDENCE_ROLE,
		.role = role,
		.term = term,
		.sent_ns = now - MS,
		.received_ns = now,
		.from = addr_of((unsigned)(id - 'a' + 1))};

	snprintf(e.id, sizeof(e.id), "%c", id);
	strcpy(e.uuid, uuid);
	(void)topology_feed(t, topology_find(t, e.id), &e);
}

static inline void answer_as(struct topology *t, char id, const char *uuid, enum pel_role role)
{
	answer_of(t, id, uuid, (struct evidence_term){0}, role);
}

static inline void answer_in(struct topology *t, char id, struct evidence_term term,
	enum pel_role role)
{
	const char uuid[] = {'u', 'u', 'i', 'd', '-', id, '\0'};

	answer_of(t, id, uuid, term, role);
}

static inline void answer(struct topology *t, char id, enum pel_role role)
{
	answer_in(t, id, (struct evidence_term){0}, role);
}

static inline struct topology *begin(void)
{
	static struct topology t;
	const struct topology_config config = {.port = 3306, .admit_stable_ms = 10000};

	topology_init(&t, &config, 1, now);
	(void)topology_add_name(&t, "db.example", PEL_ROLE_WRITER, 0);
	return &t;
}

static inline const char *writer(const struct topology *t)
{
	return t->state == PEL_STATE_KNOWN ? t->members[t->writer].id : "";
}

#endif
