/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the engine asks, and reads the map as a program would. */
#include "sim.h"

#include "common/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define TIRED_NS (110 * LOOP_S) /* 30 s until a writer is given up, and 60 s of alarm */
#define FAILURES_TIRED_NS (600 * LOOP_S)
#define SPIN_NS (10 * MS)
#define RECORDS (2 * SIM_FLEETS)

void rate_add(struct rate *r, uint64_t now_ns)
{
	r->at[r->n++ % RATE_KEPT] = now_ns;
}

unsigned rate_within(const struct rate *r, uint64_t now_ns, uint64_t span_ns)
{
	unsigned kept = r->n < RATE_KEPT ? r->n : RATE_KEPT, n = 0;

	while (n < kept && now_ns - r->at[(r->n - 1 - n) % RATE_KEPT] < span_ns)
		n++;
	return n;
}

void watch_trace(const char *format, ...)
{
	va_list args;

	if (!sim->log)
		return;
	(void)fprintf(stderr, "%.6f s: ", (double)sim->now_ns / 1e9);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void watch_note(enum figure figure, uint64_t value, const char *where)
{
	struct figures *f = &sim->watch.figures;

	if (value <= f->worst[figure])
		return;
	f->worst[figure] = value < UINT32_MAX ? (unsigned)value : UINT32_MAX;
	(void)snprintf(f->where[figure], sizeof(f->where[figure]), "%.40s at %.3f s", where,
		(double)sim->now_ns / 1e9);
}

static bool is_tired(void)
{
	return sim->now_ns - sim->changed_ns > TIRED_NS;
}

void watch_dns(struct name *n)
{
	rate_add(&n->asked, sim->now_ns);
	watch_note(FIGURE_DNS_SIX, rate_within(&n->asked, sim->now_ns, 6 * LOOP_S), n->text);
	if (sim->now_ns - sim->resumed_ns > LOOP_S) /* what was due in a pause comes at its end */
		watch_note(FIGURE_DNS_ONE, rate_within(&n->asked, sim->now_ns, LOOP_S), n->text);
}

void watch_syn(struct server *s)
{
	rate_add(&s->syns, sim->now_ns);
	watch_note(FIGURE_SYNS_ONE, rate_within(&s->syns, sim->now_ns, LOOP_S), s->id);
}

void watch_accept(struct server *s)
{
	rate_add(&s->dials, sim->now_ns);
	watch_note(FIGURE_DIALS_ONE, rate_within(&s->dials, sim->now_ns, LOOP_S), s->id);
	if (is_tired())
		watch_note(FIGURE_DIALS_TIRED, rate_within(&s->dials, sim->now_ns, 10 * LOOP_S),
			s->id);
}

/* A cluster in which all has been well for so long that it has to be asked at its usual pace. */
static bool is_steady(const struct server *s)
{
	const struct fleet *f = &sim->fleets[s->fleet];

	return s != &sim->nobody && (f->good || !sim->bad) && !sim->paused &&
		sim->now_ns - f->moved_ns > TIRED_NS && sim->now_ns - f->healed_ns > TIRED_NS;
}

/* How long it was not asked, while it would have answered. */
static void gap_look(const struct server *s)
{
	uint64_t last_ns = s->asks.n ? s->asks.at[(s->asks.n - 1) % RATE_KEPT] : sim->now_ns;
	uint64_t well_ns = s->changed_ns + (sim->world->recover_s + 20) * LOOP_S;

	if (sim->paused || (sim->bad && sim->world->lost) || s->black_hole || s->dial || s->login ||
		s->reply || sim->now_ns < well_ns)
		return;
	last_ns = last_ns > well_ns ? last_ns : well_ns;
	watch_note(is_steady(s) ? FIGURE_GAP : FIGURE_MATE_GAP, (sim->now_ns - last_ns) / MS,
		s->id);
}

void watch_gaps(void)
{
	for (unsigned i = 0; i < sim->n_fleets; i++) {
		for (unsigned k = 0; k < sim->fleets[i].n; k++)
			gap_look(&sim->fleets[i].servers[k]);
	}
}

void watch_ask(struct server *s, bool greeting)
{
	gap_look(s);
	if (!greeting)
		rate_add(&s->asks, sim->now_ns);
	watch_note(FIGURE_ASKS_ONE, rate_within(&s->asks, sim->now_ns, LOOP_S), s->id);
	if (is_steady(s))
		watch_note(FIGURE_ASKS_CALM, rate_within(&s->asks, sim->now_ns, 10 * LOOP_S),
			s->id);
	else if (is_tired())
		watch_note(FIGURE_ASKS_TIRED, rate_within(&s->asks, sim->now_ns, 10 * LOOP_S),
			s->id);
}

void watch_failure(struct server *s)
{
	unsigned n;

	rate_add(&s->failures, sim->now_ns);
	n = rate_within(&s->failures, sim->now_ns, 60 * LOOP_S);
	watch_note(FIGURE_FAILURES, n, s->id);
	if (sim->now_ns - sim->changed_ns > FAILURES_TIRED_NS)
		watch_note(FIGURE_FAILURES_TIRED, n, s->id);
}

/* What it says of itself; and its table, where it told that: a witness, as long as it claims nothing. */
void watch_said(struct server *s, enum pel_role role, struct server *names_writer,
	uint64_t asked_ns)
{
	/* Who has just been found again is a change, late as it may be. */
	if (sim->now_ns - s->said_ns > TIRED_NS)
		sim->changed_ns = sim->fleets[s->fleet].healed_ns = sim->now_ns;
	if (s->said != role) {
		s->claims_ns = sim->now_ns;
		watch_trace("%s says that it is a %s", s->id,
			role == PEL_ROLE_WRITER ? "writer" : "reader");
	}
	s->said = role;
	s->said_ns = sim->now_ns;
	s->said_asked_ns = asked_ns;
	if (names_writer) {
		s->told_writer = names_writer;
		s->told_ns = sim->now_ns;
	}
	if (role == PEL_ROLE_READER && s->told_writer && s->told_writer->named_ns < s->told_ns)
		s->told_writer->named_ns = s->told_ns;
}

/* Whether it claims still, as far as anybody can know, and no witness has overruled that. */
static bool is_contrary(const struct server *other, const struct server *w)
{
	return other != w && other->said == PEL_ROLE_WRITER && other->said_asked_ns > w->said_ns &&
		!other->black_hole && !other->dial && !other->login && !other->reply &&
		other->claims_ns >= w->named_ns;
}

static bool is_founded(const struct server *w)
{
	const struct fleet *f = &sim->fleets[w->fleet];
	bool founded = w->said == PEL_ROLE_WRITER;

	for (unsigned i = 0; i < f->n; i++)
		founded &= !is_contrary(&f->servers[i], w);
	return founded;
}

static void unfounded(const struct server *w)
{
	const struct fleet *f = &sim->fleets[w->fleet];

	watch_note(FIGURE_UNCLAIMED, sim->watch.figures.worst[FIGURE_UNCLAIMED] + 1, w->id);
	for (unsigned i = 0; w != &sim->nobody && i < f->n; i++)
		watch_trace("%s, role %u, said %.6f s ago", f->servers[i].id, f->servers[i].said,
			(double)(sim->now_ns - f->servers[i].said_ns) / 1e9);
}

static void writer_published(struct seen *seen, const struct server *w)
{
	struct fleet *f = &sim->fleets[w == &sim->nobody ? 0 : w->fleet];
	uint64_t now = sim->now_ns;
	unsigned changes, true_ones;

	watch_trace("%s is published", w->id);
	if (w == &sim->nobody || !is_founded(w))
		unfounded(w);
	if (f->awaited && f->writer == w) {
		f->awaited = false;
		if (f->good)
			watch_note(FIGURE_DELAY, (now - f->writer_ns) / MS, w->id);
	}
	if (!seen->last || seen->last == w)
		return;
	rate_add(&seen->changes, now);
	changes = rate_within(&seen->changes, now, 10 * LOOP_S);
	true_ones = rate_within(&f->handovers, now, 12 * LOOP_S);
	watch_note(FIGURE_CHANGES, changes > true_ones ? changes - true_ones : 0, w->id);
}

static void record_read(unsigned i)
{
	struct seen *seen = &sim->watch.seen[i];
	const struct server *w = NULL;
	unsigned writers = 0;
	struct pel_hot hot;

	if (pel_map_read_hot(sim->watch.map, i, &hot) < 0) {
		*seen = (struct seen){.seq = seen->seq};
		return;
	}
	if (hot.uid != seen->uid)
		*seen = (struct seen){.seq = seen->seq, .uid = hot.uid};
	for (unsigned k = 0; k < hot.n_instances; k++)
		writers += hot.instances[k].role == PEL_ROLE_WRITER;
	watch_note(FIGURE_WRITERS, writers, "");
	if (hot.state == PEL_STATE_KNOWN && hot.writer != PEL_NONE)
		w = sim_server_at(hot.instances[hot.writer].ip4);
	if (w && w != seen->writer)
		writer_published(seen, w);
	seen->writer = w;
	if (w)
		seen->last = w;
}

static void recanted_look(struct seen *seen)
{
	if (!seen->writer || seen->writer->said != PEL_ROLE_READER) {
		seen->recanted_ns = 0;
		return;
	}
	if (!seen->recanted_ns)
		seen->recanted_ns = sim->now_ns;
	if (seen->recanted_ns < sim->resumed_ns)
		seen->recanted_ns = sim->resumed_ns;
	watch_note(FIGURE_RECANTED, (sim->now_ns - seen->recanted_ns) / MS, seen->writer->id);
}

void watch_look(void)
{
	struct watch *w = &sim->watch;

	for (unsigned i = 0; i < RECORDS; i++) {
		uint32_t seq = atomic_load(&w->map->clusters[i].seq);

		if (seq != w->seen[i].seq) {
			w->seen[i].seq = seq;
			record_read(i);
		}
		recanted_look(&w->seen[i]);
	}
	if (sim->now_ns - w->spin_ns >= SPIN_NS) {
		w->spin_ns = sim->now_ns;
		w->spins = 0;
	}
	watch_note(FIGURE_SPINS, ++w->spins, "");
}

static bool leads_right(const struct name *n)
{
	const struct fleet *f = fleet_of_name(n);
	struct pel_ref ref;
	struct pel_hot hot;

	return pel_map_find(sim->watch.map, n->text, pel_name_hash(n->text), &ref) == 0 &&
		pel_map_read_hot(sim->watch.map, ref.cluster, &hot) == 0 &&
		hot.state == PEL_STATE_KNOWN && hot.writer != PEL_NONE &&
		sim_server_at(hot.instances[hot.writer].ip4) == f->writer;
}

unsigned watch_wrong_names(char ret_first[static PEL_ID_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < sim->n_names; i++) {
		if (!sim->names[i].followed || leads_right(&sim->names[i]))
			continue;
		if (n++ == 0)
			(void)snprintf(ret_first, PEL_ID_MAX, "%.60s", sim->names[i].text);
	}
	return n;
}
