/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topology by script: words that feed evidence, and the picture that comes out.
 *
 * Member N (1 to 9) is demo-N at 10.0.0.N with uuid "uuid-N", unless a word says otherwise.  Every
 * word takes a millisecond of the clock; an answer's question went out a millisecond before.
 *
 *   up3        names, first contact at 1 (the writer), hosts resolved, 2 and 3 logged in to
 *   names      the writer, reader and custom name alone
 *   +250       250 ms pass, with a tick at every deadline
 *   1w 1r      answers its role: writer, reader; 1w@40: the question went out 40 ms earlier
 *   1w^5       ... of term 5, era 1; 1w^2.5 of era 2
 *   1a 1A      may be written to, one of many; but only ages; 1n: refuses everybody; 1a!: its group is
 *              about to change
 *   1h         logs in (identity); 1h#7 at address 7, 1h~b with uuid "uuid-b", 1h=2 as demo-2
 *   1x         connection lost          1o 1p 1s 1u    healthy, suspect, stalled, unreachable
 *   1?         is asked; its next answer is to that
 *   1e         answers with an error
 *   1t:1M,2,3  tells the table; rows are id, M for MASTER, +MS behind the newest, ? without a time,
 *              L lag; 1t500: the newest row is 500 ms old, 1tx: undatable, 1t!: rows surplus,
 *              1t*: rows refused
 *   1l5000     tells its own lag, as where there is no table; 1l? that it does not know it; 1l!
 *              that its replication was stopped
 *   1d:7       its host resolves to address 7 (1d:7,8 to both)
 *   w:2 q:2 c:2,3   DNS of writer, reader, custom name; w/2000:2 with a TTL of 2000 ms
 *   scout:1    meets demo-1 where the writer name leads; takes #, ~, = as 1h does; with role r or w
 *              and table as `scout:4#4~d,w,t:4M,5`
 *   refused    a client was refused where the writer name leads
 *   why:denied, why:nocred, why:none, why:nocluster
 *   await      an earlier daemon knew a writer; await:5000 and has missed one for so long
 *   wish:2     an earlier daemon had chosen it; fleet:2: the fleet follows it, fleet:0: nobody
 *   hold:4 admit:4 warm:4 held:4   admission by hand, by the warm-up
 */
#ifndef TOPOLOGY_SCRIPT_H
#define TOPOLOGY_SCRIPT_H

#include "logic/topology/topology.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAY_MS UINT64_C(1000000)
#define PLAY_START (UINT64_C(1000) * 1000 * PLAY_MS)

struct play {
	struct topology t;
	struct topology_config config;
	uint64_t now;
	unsigned bits;  /* of the last word */
	unsigned all;   /* of all words */
	unsigned wakes; /* how often the wake word moved */
};

static inline struct pel_addr play_addr(unsigned n)
{
	return (struct pel_addr){.family = 4, .port = 3306, .ip = {10, 0, 0, (uint8_t)n}};
}

static inline struct play *play_new(const struct topology_config *config)
{
	struct play *p = calloc(1, sizeof(*p));

	p->config = *config;
	p->config.port = 3306;
	if (p->config.domain[0] == '\0')
		strcpy(p->config.domain, "abc.us-east-1.rds.amazonaws.com");
	p->now = PLAY_START;
	topology_init(&p->t, &p->config, 7, p->now);
	return p;
}

static inline void play_note(struct play *p, unsigned bits)
{
	p->bits |= bits;
	p->all |= bits;
	p->wakes += (bits & TOPOLOGY_WAKES) != 0;
}

static inline unsigned play_slot(struct play *p, unsigned n)
{
	char id[16];

	(void)snprintf(id, sizeof(id), "demo-%u", n);
	return topology_find(&p->t, id);
}

static inline void play_pass(struct play *p, uint64_t ms)
{
	uint64_t end = p->now + ms * PLAY_MS;

	while (topology_deadline(&p->t) <= end) {
		uint64_t due = topology_deadline(&p->t);

		p->now = due > p->now ? due : p->now;
		play_note(p, topology_tick(&p->t, p->now));
		if (topology_deadline(&p->t) <= due)
			abort(); /* a deadline that does not move would be a busy loop */
	}
	p->now = end;
}

/* "7,8": addresses; the TTL is of the word. */
static inline struct topology_dns play_dns(const char *list, struct pel_addr *addrs, unsigned ttl)
{
	struct topology_dns dns = {.addrs = addrs, .ttl_ms = ttl};

	while (*list) {
		addrs[dns.n_addrs++] = play_addr((unsigned)strtoul(list, (char **)&list, 10));
		list += *list == ',';
	}
	return dns;
}

static inline const char *play_row(const char *s, struct pel_rows *rows)
{
	struct pel_row *row = &rows->rows[rows->n];

	*row = (struct pel_row){.cpu_permille = 100, .lag_ms = 20};
	(void)snprintf(row->id, sizeof(row->id), "demo-%lu", strtoul(s, (char **)&s, 10));
	for (; *s && *s != ',';) {
		if (*s == 'M') {
			row->is_master = true;
			s++;
		} else if (*s == '?') {
			row->age_us = PEL_AGE_UNKNOWN;
			s++;
		} else if (*s == '+') {
			row->age_us = (int64_t)strtoul(s + 1, (char **)&s, 10) * 1000;
		} else if (*s == 'L') {
			row->lag_ms = (uint32_t)strtoul(s + 1, (char **)&s, 10);
		} else {
			abort();
		}
	}
	if (row->is_master &&
		(rows->master == PEL_NONE || row->age_us < rows->rows[rows->master].age_us))
		rows->master = rows->n;
	rows->n++;
	return s + (*s == ',');
}

/* "t500:1M,2+300,3" */
static inline void play_table(const char *s, struct evidence *e)
{
	struct pel_rows *rows = &e->rows;

	e->has |= EVIDENCE_TABLE;
	*rows = (struct pel_rows){.master = PEL_NONE, .newest_us = 100000};
	for (s++; *s != ':';) {
		if (*s == 'x') {
			rows->newest_us = PEL_AGE_UNKNOWN;
			s++;
		} else if (*s == '!') {
			rows->n_surplus = 1;
			s++;
		} else if (*s == '*') {
			rows->n_refused = 1;
			s++;
		} else {
			rows->newest_us = (int64_t)strtoul(s, (char **)&s, 10) * 1000;
		}
	}
	for (s++; *s;)
		s = play_row(s, rows);
}

/* Identity with what "#", "~" and "=" say otherwise; returns what follows. */
static inline const char *play_identity(const char *s, unsigned n, struct evidence *e)
{
	unsigned id = n;

	e->has |= EVIDENCE_IDENTITY;
	e->from = play_addr(n);
	(void)snprintf(e->uuid, sizeof(e->uuid), "uuid-%u", n);
	while (*s == '#' || *s == '~' || *s == '=') {
		if (*s == '~') {
			(void)snprintf(e->uuid, sizeof(e->uuid), "uuid-%c", s[1]);
			s += 2;
		} else if (*s == '#') {
			e->from = play_addr((unsigned)strtoul(s + 1, (char **)&s, 10));
		} else {
			id = (unsigned)strtoul(s + 1, (char **)&s, 10);
		}
	}
	(void)snprintf(e->id, sizeof(e->id), "demo-%u", id);
	return s;
}

static inline void play_scout(struct play *p, const char *s)
{
	struct evidence e = {.sent_ns = p->now - PLAY_MS, .received_ns = p->now};
	unsigned slot, n = (unsigned)strtoul(s, (char **)&s, 10);

	s = play_identity(s, n, &e);
	while (*s == ',') {
		s++;
		if (*s == 't') {
			play_table(s, &e);
			break;
		}
		e.has |= EVIDENCE_ROLE;
		e.role = *s == 'w' ? PEL_ROLE_WRITER : PEL_ROLE_READER;
		s++;
	}
	play_note(p, topology_feed_scout(&p->t, &e, &slot));
}

static inline void play_role(struct play *p, unsigned n, const char *s)
{
	struct evidence e = {.has = EVIDENCE_ROLE, .received_ns = p->now};
	uint64_t ms = s[1] == '@' ? strtoul(s + 2, NULL, 10) : 1;
	const char *dot = strchr(s, '.');
	const struct topology_member *m = topology_member(&p->t, play_slot(p, n));

	e.role = strchr("waA", *s) ? PEL_ROLE_WRITER : PEL_ROLE_READER;
	e.of_many = *s == 'a' || *s == 'A';
	e.stopped = *s == 'A';
	e.refuses = *s == 'n';
	e.unsettled = strchr(s, '!') != NULL;
	e.has |= strchr("wr", *s) ? 0 : EVIDENCE_STOPPED;
	if (s[1] == '^')
		e.term = (struct evidence_term){.era = dot ? strtoul(s + 2, NULL, 10) : 1,
			.count = strtoul(dot ? dot + 1 : s + 2, NULL, 10)};
	e.sent_ns = p->now - ms * PLAY_MS;
	e.from = m ? m->addr : play_addr(n);
	play_note(p, topology_feed(&p->t, play_slot(p, n), &e));
}

static inline void play_hello_or_table(struct play *p, unsigned n, const char *s)
{
	struct evidence e = {.sent_ns = p->now - PLAY_MS, .received_ns = p->now};
	const struct topology_member *m = topology_member(&p->t, play_slot(p, n));

	if (*s == 'h') {
		(void)play_identity(s + 1, n, &e);
	} else {
		play_table(s, &e);
		e.from = m ? m->addr : play_addr(n);
	}
	play_note(p, topology_feed(&p->t, play_slot(p, n), &e));
}

static inline void play_lag(struct play *p, unsigned n, const char *s)
{
	struct evidence e = {.has = EVIDENCE_LAG | EVIDENCE_STOPPED,
		.sent_ns = p->now - PLAY_MS,
		.received_ns = p->now,
		.from = play_addr(n)};

	e.stopped = *s == '!';
	e.lag_ms = *s == '?' || *s == '!' ? PEL_LAG_UNKNOWN : (uint32_t)strtoul(s, NULL, 10);
	play_note(p, topology_feed(&p->t, play_slot(p, n), &e));
}

static inline void play_error(struct play *p, unsigned n)
{
	const struct topology_member *m = topology_member(&p->t, play_slot(p, n));
	struct evidence e = {.sent_ns = p->now - PLAY_MS,
		.received_ns = p->now,
		.from = m ? m->addr : play_addr(n)};

	play_note(p, topology_feed(&p->t, play_slot(p, n), &e));
}

static inline void play_member(struct play *p, unsigned n, const char *s)
{
	static const char letters[] = "opsu";
	static const enum pel_health healths[] = {PEL_HEALTH_OK, PEL_HEALTH_SUSPECT,
		PEL_HEALTH_STALLED, PEL_HEALTH_UNREACHABLE};
	struct pel_addr addrs[8];
	struct topology_dns dns;

	switch (*s) {
	case '?':
		topology_asked(&p->t, play_slot(p, n), p->now);
		return;
	case 'w':
	case 'r':
	case 'a':
	case 'A':
	case 'n':
		topology_answered(&p->t, play_slot(p, n));
		play_role(p, n, s);
		return;
	case 'h':
	case 't':
		play_hello_or_table(p, n, s);
		return;
	case 'd':
		dns = play_dns(s + 2, addrs, 5000);
		play_note(p, topology_feed_host(&p->t, play_slot(p, n), &dns, p->now));
		return;
	case 'l':
		play_lag(p, n, s + 1);
		return;
	case 'e':
		topology_answered(&p->t, play_slot(p, n));
		play_error(p, n);
		return;
	case 'x':
		play_note(p, topology_feed_lost(&p->t, play_slot(p, n), p->now));
		return;
	default:
		if (!strchr(letters, *s))
			abort();
		play_note(p,
			topology_feed_health(&p->t, play_slot(p, n),
				healths[strchr(letters, *s) - letters], 500, p->now));
	}
}

static inline void play_name(struct play *p, const char *s)
{
	unsigned ttl = 5000, name = *s == 'w' ? 0 : *s == 'q' ? 1 : 2;
	struct pel_addr addrs[16];
	struct topology_dns dns;

	if (*++s == '/')
		ttl = (unsigned)strtoul(s + 1, (char **)&s, 10);
	dns = play_dns(s + 1, addrs, ttl);
	play_note(p, topology_feed_dns(&p->t, name, &dns, p->now));
}

static inline void play_why(struct play *p, const char *s)
{
	static const struct {
		const char *word;
		enum pel_why why;
	} words[] = {{"denied", PEL_WHY_DENIED}, {"nocred", PEL_WHY_NO_CREDENTIALS},
		{"none", PEL_WHY_NONE}, {"nocluster", PEL_WHY_NOT_A_CLUSTER}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].word, s) == 0)
			play_note(p, topology_set_why(&p->t, words[i].why, p->now));
	}
}

static inline void play(struct play *p, const char *script);

static inline void play_up(struct play *p, unsigned n)
{
	char text[64] = "scout:1,w,t:1M", word[64];

	play(p, "names w:1");
	for (unsigned i = 2; i <= n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%u", i);
	play(p, text);
	for (unsigned i = 1; i <= n; i++) {
		(void)snprintf(word, sizeof(word), "%ud:%u", i, i);
		play(p, word);
		if (i > 1)
			(void)snprintf(word, sizeof(word), "%uh %ur %uo", i, i, i);
		play(p, i > 1 ? word : "1o");
	}
	p->all = p->bits = p->wakes = 0;
}

static inline void play_names(struct play *p)
{
	(void)topology_add_name(&p->t, "demo.cluster-abc.us-east-1.rds.amazonaws.com",
		PEL_ROLE_WRITER, 0);
	(void)topology_add_name(&p->t, "demo.cluster-ro-abc.us-east-1.rds.amazonaws.com",
		PEL_ROLE_READER, 0);
	(void)topology_add_name(&p->t, "some.cluster-custom-abc.us-east-1.rds.amazonaws.com",
		PEL_ROLE_CUSTOM, 0);
}

static inline void play_word(struct play *p, const char *w)
{
	static const struct {
		const char *word;
		enum pel_admission admission;
	} hands[] = {{"hold:", PEL_ADMIT_HELD}, {"admit:", PEL_ADMITTED},
		{"warm:", PEL_ADMIT_WARMING}, {"held:", PEL_ADMIT_HELD}};

	p->bits = 0;
	if (*w == '+') {
		play_pass(p, strtoul(w + 1, NULL, 10));
		return;
	}
	p->now += PLAY_MS;
	for (size_t i = 0; i < sizeof(hands) / sizeof(*hands); i++) {
		size_t n = strlen(hands[i].word);

		if (strncmp(w, hands[i].word, n) != 0)
			continue;
		play_note(p,
			topology_feed_admission(&p->t,
				play_slot(p, (unsigned)strtoul(w + n, NULL, 10)),
				hands[i].admission, i < 2, p->now));
		return;
	}
	if (strncmp(w, "wish:", 5) == 0 || strncmp(w, "fleet:", 6) == 0) {
		char id[] = "demo-0";

		id[5] = strchr(w, ':')[1];
		topology_wish(&p->t, id[5] == '0' ? NULL : id, *w == 'f', p->now);
		return;
	}
	if (strncmp(w, "unwarmed:", 9) == 0)
		play_note(p,
			topology_feed_unwarmed(&p->t,
				play_slot(p, (unsigned)strtoul(w + 9, NULL, 10)), p->now));
	else if (isdigit((unsigned char)*w))
		play_member(p, (unsigned)(*w - '0'), w + 1);
	else if (strcmp(w, "names") == 0)
		play_names(p);
	else if (strncmp(w, "up", 2) == 0)
		play_up(p, (unsigned)(w[2] - '0'));
	else if (strncmp(w, "scout:", 6) == 0)
		play_scout(p, w + 6);
	else if (strncmp(w, "why:", 4) == 0)
		play_why(p, w + 4);
	else if (strncmp(w, "await", 5) == 0)
		topology_await_writer(&p->t,
			p->now - (w[5] ? strtoul(w + 6, NULL, 10) : 0) * PLAY_MS);
	else if (strcmp(w, "refused") == 0)
		topology_feed_refusal(&p->t, 0, p->now);
	else if (strchr("wqc", *w))
		play_name(p, w);
	else
		abort();
}

static inline void play(struct play *p, const char *script)
{
	char text[1024], *rest = NULL;

	if (strlen(script) >= sizeof(text))
		abort();
	strcpy(text, script);
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		play_word(p, w);
}

static inline size_t play_instance(const struct pel_hot_instance *in, char digit, char *to,
	size_t size)
{
	static const char healths[] = "   su", admissions[] = " nmh";
	const char all[] = {' ', digit, "?RW"[in->role], in -> flags &PEL_INST_ROUTABLE ? ' ' : 'x',
		in->flags &PEL_INST_LAGGED ? 'l' : ' ', healths[in->health],
		admissions[in->admission]};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) && n + 1 < size; i++) {
		if (i == 0 || all[i] != ' ')
			to[n++] = all[i];
	}
	to[n] = '\0';
	return n;
}

/* "known 1W 2R 3Rx": per instance its number, role and, if so, what is wrong with it. */
static inline const char *play_picture(const struct play *p, char *to, size_t size)
{
	static const char *const whys[] = {"", ":starting", ":nocred", ":denied", ":noanswer",
		":nocluster", ":nowriter", ":disputed", ":unroutable"};
	static const char *const states[] = {"free", "unknown", "known", "writerless"};
	static struct pel_hot hot;
	static struct pel_cold cold;
	size_t n;

	topology_view(&p->t, &hot, &cold, NULL);
	n = (size_t)snprintf(to, size, "%s%s%s", hot.dns_only ? "dns-" : "", states[hot.state],
		whys[hot.why]);
	for (char digit = '0'; digit <= '9'; digit++) {
		for (unsigned i = 0; i < hot.n_instances; i++) {
			if (cold.instances[i].id[5] == digit)
				n += play_instance(&hot.instances[i], digit, to + n, size - n);
		}
	}
	return to;
}

/* The change bits as letters, without TOPOLOGY_DATA. */
static inline const char *play_letters(unsigned bits, char *to)
{
	static const char letters[] = "DSWFEMVJCLIO";
	size_t n = 0;

	for (unsigned i = 1; letters[i]; i++) {
		if (bits & (1u << i))
			to[n++] = letters[i];
	}
	to[n] = '\0';
	return to;
}

#endif
